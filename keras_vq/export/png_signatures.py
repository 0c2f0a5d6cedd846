import numpy as np

from keras_vq.export.field import Field
from keras_vq.export.model_signatures import decode_tensors
from keras_vq.export.model_signatures import label_fields
from keras_vq.export.model_signatures import latent_fields
from keras_vq.export.signature import Signature


def png_signatures(model):
    """The signatures that read and write image files as bytes.

    Args:
        model: `keras_vq.models.FirstStage` of images, on the TensorFlow
            backend.

    Returns:
        list of `Signature`: `encode_png` and `decode_png`.
    """
    import tensorflow as tf

    from keras_vq.data.image import fit_image
    from keras_vq.export.image_bytes import decode_bytes

    *size, channels = model.input_shape
    latents, labels = latent_fields(model), label_fields(model)

    def read(image):
        image = fit_image(decode_bytes(image), size, channels)
        return tf.ensure_shape(image, model.input_shape)

    def write(image):
        return tf.io.encode_png(tf.cast(tf.round(255.0 * image), tf.uint8))

    def encode_png(files, *labels):
        images = tf.map_fn(read, files, fn_output_signature=tf.uint8)
        return tf.nest.flatten(model.encode_step(images, *labels))

    def decode_png(*arguments):
        images = decode_tensors(model, arguments, len(latents))
        return [tf.map_fn(write, images, fn_output_signature=tf.string)]

    blank = write(np.zeros(model.input_shape, "float32")).numpy()
    given = Field(
        "image_bytes",
        "string",
        (None,),
        "Bytes of PNG, JPEG, BMP or GIF files, which are turned upright, "
        f"blended with white, cropped and resized to {tuple(size)}.",
        sample=blank,
    )
    made = Field("image_bytes", "string", (None,), "Bytes of PNG files.")
    return [
        Signature(
            "encode_png",
            f"Encode image files to {model.latent_name}.",
            encode_png,
            [given, *labels],
            latents,
        ),
        Signature(
            "decode_png",
            f"Decode {model.latent_name} to PNG files.",
            decode_png,
            [*latents, *labels],
            [made],
        ),
    ]


def check_images(model):
    """Raise unless a model's inputs can be image files."""
    shape = model.input_shape
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            "`png=True` needs a model of images (height, width, 1 or 3). "
            f"Received: a model with input_shape={shape}"
        )
