import keras

from keras_vq.export.field import Field
from keras_vq.export.signature import Signature
from keras_vq.generator import LatentGenerator


def first_stage_of(model):
    """Return a generator's tokenizer; other models unchanged."""
    return model.tokenizer if isinstance(model, LatentGenerator) else model


def model_signatures(model):
    """The signatures that every first-stage model has.

    Args:
        model: `keras_vq.models.FirstStage`, on the TensorFlow backend.

    Returns:
        list of `Signature`: `serve`, `encode` and `decode`.
    """
    inputs = values_field(model, "inputs", "Values to encode.")
    latents = latent_fields(model)
    labels = label_fields(model)
    decoded = values_field(model, "outputs", "Decoded latents.")
    served = values_field(model, "reconstructions", "Reconstructed inputs.")

    def serve(x, *labels):
        return [model((x, *labels) if labels else x, training=False)]

    def encode(x, *labels):
        return keras.tree.flatten(model.encode_step(x, *labels))

    def decode(*arguments):
        return [decode_tensors(model, arguments, len(latents))]

    return [
        Signature(
            "serve",
            "Encode and decode inputs.",
            serve,
            [inputs, *labels],
            [served],
        ),
        Signature(
            "encode",
            f"Encode inputs of shape {model.input_shape} to "
            f"{model.latent_name}.",
            encode,
            [inputs, *labels],
            latents,
        ),
        Signature(
            "decode",
            f"Decode {model.latent_name}.",
            decode,
            [*latents, *labels],
            [decoded],
        ),
    ]


def decode_tensors(model, arguments, count):
    """Outputs for `count` tensors of latents, followed by labels if any."""
    latents, labels = arguments[:count], arguments[count:]
    return model.decode_step(latents if count > 1 else latents[0], *labels)


def values_field(model, name, meaning):
    """The field of a model's inputs or outputs."""
    low, high = model.value_range
    shape = (None, *model.input_shape)
    return Field(name, "float32", shape, meaning, low, high)


def latent_fields(model):
    """The fields of the model's latents, one for each map."""
    shapes, name = model.latent_shape, model.latent_name
    dtype = model.latent_dtype
    if dtype != "int32":
        meaning = "Latents, as `encode` returns them."
        return [Field(name, dtype, (None, *shapes), meaning)]
    several = isinstance(shapes[0], tuple)
    return [
        Field(
            f"{name}_{level}" if several else name,
            dtype,
            (None, *shape),
            f"Codes of level {level}; level 0 is the top."
            if several
            else "Codes.",
            0,
            num_embeddings - 1,
        )
        for level, (shape, num_embeddings) in enumerate(model.code_maps)
    ]


def label_fields(model, is_optional=False):
    """A list with the field of the labels; empty without `num_classes`.

    Args:
        model: `keras_vq.training.Model`.
        is_optional: bool, whether the label `num_classes` stands for no label.
            Defaults to False.
    """
    if model.num_classes is None:
        return []
    highest = model.num_classes if is_optional else model.num_classes - 1
    meaning = "Class of each example."
    if is_optional:
        meaning += f" {model.num_classes} stands for no label."
    return [Field("labels", "int32", (None,), meaning, 0, highest)]
