"""How an encoder, a bottleneck and a decoder fit together."""

import keras

from keras_vq.checks import check_type
from keras_vq.checks import title


def known_input_shape(encoder, input_shape=None):
    """Shape of one input of an encoder.

    Args:
        encoder: `keras.Model` or layer.
        input_shape: tuple of int or None, the shape if the encoder does not
            know it. Defaults to None.

    Returns:
        tuple of int, channels last.

    Raises:
        ValueError: If it is not known.
    """
    _check_layer("encoder", encoder)
    if input_shape is not None:
        return input_shape
    # Only functional and built Sequential models have symbolic inputs.
    inputs = keras.tree.flatten(getattr(encoder, "inputs", None) or [])
    if inputs and None not in inputs[0].shape[1:]:
        return tuple(inputs[0].shape[1:])
    raise ValueError(
        "`encoder` does not know the shape of its input: give `input_shape`, "
        "such as (32, 32, 3). Received: encoder="
        f"{title(encoder)} and input_shape=None"
    )


def built_shapes(model, encoder, bottleneck, decoder):
    """Build the parts of a model and check that they fit together.

    Args:
        model: A `FirstStage` with `input_shape`, `num_classes` and
            `likelihood`.
        encoder, bottleneck, decoder: See `FirstStage.connect`.

    Returns:
        Shapes of one output of the encoder and of the decoder.

    Raises:
        ValueError: If shapes do not match.
    """
    _check_layer("encoder", encoder)
    _check_layer("decoder", decoder)
    has_labels = model.num_classes is not None
    encoded = output_shape("encoder", encoder, model.input_shape, has_labels)
    check_bottleneck(encoder, encoded, bottleneck)
    bottleneck.build((None, *encoded))
    decoder_input = (*encoded[:-1], bottleneck.output_dim or encoded[-1])
    decoded = output_shape("decoder", decoder, decoder_input, has_labels)
    check_decoder(model, decoder, decoded)
    return encoded, decoded


def output_shape(name, part, shape, has_labels=False, dtype="float32"):
    """Build a part, and return the shape of one output.

    Args:
        name: str, name of the part in error messages.
        part: `keras.Model` or layer.
        shape: tuple of int, shape of one input.
        has_labels: bool, whether it takes labels too. Defaults to False.
        dtype: str, dtype of its input. Defaults to `"float32"`.

    Raises:
        ValueError: If the part rejects such inputs, or returns anything but
            one tensor of known shape.
    """
    x = keras.KerasTensor((None, *shape), dtype)
    inputs = x
    if has_labels:
        inputs = [x, keras.KerasTensor((None,), "int32")]
    try:
        output = part(inputs)
    except Exception as error:
        raise ValueError(
            f"`{name}` does not accept inputs of shape {(None, *shape)}"
            f"{' with labels' if has_labels else ''}. Received: {title(part)}. "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(output, keras.KerasTensor) or None in output.shape[1:]:
        raise ValueError(
            f"`{name}` must return one tensor of known shape. Received: "
            f"{title(part)}, which returns {output}"
        )
    return tuple(output.shape[1:])


def check_bottleneck(encoder, encoded, bottleneck):
    """Raise unless a bottleneck takes an encoder's vectors."""
    if bottleneck.input_dim not in (None, encoded[-1]):
        raise ValueError(
            f"The last axis of the encoder's output must match the "
            f"bottleneck's input. Received: {title(encoder)} with outputs of "
            f"shape {(None, *encoded)} for {title(bottleneck)}, which takes "
            f"vectors of length {bottleneck.input_dim}"
        )


def check_decoder(model, decoder, decoded):
    """Raise unless a decoder's output parameterizes the model's likelihood."""
    *size, channels = model.input_shape
    expected = (*size, model.likelihood.num_parameters(channels))
    if decoded != expected:
        raise ValueError(
            "The decoder must output the parameters of the likelihood, "
            f"{(None, *expected)} for inputs of shape "
            f"{(None, *model.input_shape)} and "
            f"{type(model.likelihood).__name__}. Received: {title(decoder)} "
            f"with outputs of shape {(None, *decoded)}"
        )


def _check_layer(name, part):
    check_type(name, part, keras.layers.Layer, "a keras.Model or layer")
