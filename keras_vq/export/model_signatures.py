import keras

from keras_vq.export.field import Field
from keras_vq.export.signature import Signature


def model_signatures(model):
    """The signatures that every first-stage model has.

    Args:
        model: `keras_vq.models.FirstStage`, on the TensorFlow backend.

    Returns:
        list of `Signature`: `serve`, `encode` and `decode`.
    """
    inputs = values_field(model, "inputs", "What to encode.")
    latents = latent_fields(model)
    labels = label_fields(model)
    decoded = values_field(model, "outputs", "What the latents stand for.")
    served = values_field(
        model, "reconstructions", "What is left after encoding and decoding."
    )

    def serve(x, *labels):
        return [model((x, *labels) if labels else x, training=False)]

    def encode(x, *labels):
        return keras.tree.flatten(model.encode_step(x, *labels))

    def decode(*arguments):
        return [decode_tensors(model, arguments, len(latents))]

    return [
        Signature(
            "serve",
            "Encode and decode.",
            serve,
            [inputs, *labels],
            [served],
        ),
        Signature(
            "encode",
            f"From {model.input_shape} inputs to {model.latent_name}.",
            encode,
            [inputs, *labels],
            latents,
        ),
        Signature(
            "decode",
            f"From {model.latent_name} to outputs.",
            decode,
            [*latents, *labels],
            [decoded],
        ),
    ]


def decode_tensors(model, arguments, count):
    """Decode `count` tensors of latents and labels, as signatures have them."""
    latents, labels = arguments[:count], arguments[count:]
    return model.decode_step(latents if count > 1 else latents[0], *labels)


def values_field(model, name, meaning):
    """The field of what a model takes and gives."""
    low, high = model.value_range
    shape = (None, *model.input_shape)
    return Field(name, "float32", shape, meaning, low, high)


def latent_fields(model):
    """The fields of the model's latents, one for each map."""
    shapes, name = model.latent_shape, model.latent_name
    dtype = model.latent_dtype
    if dtype != "int32":
        meaning = "Latents as `encode` gives them."
        return [Field(name, dtype, (None, *shapes), meaning)]
    several = isinstance(shapes[0], tuple)
    return [
        Field(
            f"{name}_{level}" if several else name,
            dtype,
            (None, *shape),
            f"Codes of level {level}, the top one being 0."
            if several
            else "Codes.",
            0,
            num_embeddings - 1,
        )
        for level, (shape, num_embeddings) in enumerate(model.code_maps)
    ]


def label_fields(model):
    """The field of a conditional model's labels; none for others."""
    if not getattr(model, "num_classes", None):
        return []
    count = getattr(model, "num_label_embeddings", model.num_classes)
    meaning = "The class of each example."
    if count > model.num_classes:
        meaning += f" {model.num_classes} stands for none."
    return [Field("labels", "int32", (None,), meaning, 0, count - 1)]
