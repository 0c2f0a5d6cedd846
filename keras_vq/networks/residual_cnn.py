"""The VQ-VAE's encoder and decoder, for audio, images and video.

van den Oord et al., Neural Discrete Representation Learning, 2017, section
4.1: stride-2 convolutions of width 4, then residual blocks.
"""

import keras
from keras import layers

from keras_vq.layers import SubpixelConv
from keras_vq.layers import TransposedConv
from keras_vq.networks.convolution import convolution

_UPSAMPLINGS: dict[str, type[layers.Layer]] = {
    "transposed": TransposedConv,
    "subpixel": SubpixelConv,
}


def residual_cnn_encoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    num_residual_layers=2,
    residual_hidden_dim=32,
    downsampling=4,
    dtype=None,
    name="encoder",
):
    """From an input to a grid of vectors, `downsampling` times coarser.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, length of a vector; None for the features, of length
            `hidden_dim`, that the vectors are computed from.
        hidden_dim: int, channels of the convolutions.
        num_residual_layers: int, number of residual blocks.
        residual_hidden_dim: int, channels inside a residual block.
        downsampling: int, a power of two, 1 included.
        dtype: dtype policy of the layers; the one that makes the vectors is
            float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size / downsampling), output_dim)`.
    """
    conv = convolution(input_shape, dtype)
    inputs = keras.Input(input_shape)
    x = inputs
    for i in reversed(range(_num_halvings(downsampling))):
        filters = hidden_dim if i == 0 else hidden_dim // 2
        x = conv(filters, 4, strides=2, activation="relu")(x)
    x = conv(hidden_dim, 3)(x)
    x = _residual_stack(
        x, conv, num_residual_layers, residual_hidden_dim, dtype
    )
    if output_dim is not None:
        # A convolution of width 1. Distances to the codes are in float32.
        x = layers.Dense(output_dim, dtype="float32")(x)
    return keras.Model(inputs, x, name=name)


def residual_cnn_decoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    num_residual_layers=2,
    residual_hidden_dim=32,
    downsampling=4,
    upsampling="transposed",
    dtype=None,
    name="decoder",
):
    """From a grid of vectors to an output `downsampling` times finer.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, channels of the output.
        hidden_dim: int, channels of the convolutions.
        num_residual_layers: int, number of residual blocks.
        residual_hidden_dim: int, channels inside a residual block.
        downsampling: int, a power of two, 1 included.
        upsampling: `"transposed"` or `"subpixel"`, the kind of convolution
            that doubles the size.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size * downsampling), output_dim)`.
    """
    if upsampling not in _UPSAMPLINGS:
        raise ValueError(
            f"`upsampling` must be one of {sorted(_UPSAMPLINGS)}. Received: "
            f"upsampling={upsampling!r}"
        )
    upsample = _UPSAMPLINGS[upsampling]
    conv = convolution(input_shape, dtype)
    inputs = keras.Input(input_shape)
    # Codes of nothing but zeros, those of a finite scalar quantizer before it
    # learns, would leave every ReLU at its kink, where nothing learns at all.
    x = conv(hidden_dim, 3, bias_initializer="random_uniform")(inputs)
    x = _residual_stack(
        x, conv, num_residual_layers, residual_hidden_dim, dtype
    )
    for _ in range(_num_halvings(downsampling) - 1):
        x = upsample(hidden_dim // 2, activation="relu", dtype=dtype)(x)
    if downsampling == 1:
        outputs = conv(output_dim, 3, dtype="float32")(x)
    else:
        outputs = upsample(output_dim, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _residual_stack(x, conv, num_layers, residual_hidden_dim, dtype):
    hidden_dim = x.shape[-1]
    for _ in range(num_layers):
        h = layers.ReLU(dtype=dtype)(x)
        h = conv(residual_hidden_dim, 3, activation="relu")(h)
        h = layers.Dense(hidden_dim, dtype=dtype)(h)
        x = layers.Add(dtype=dtype)([x, h])
    return layers.ReLU(dtype=dtype)(x)


def _num_halvings(downsampling):
    return downsampling.bit_length() - 1
