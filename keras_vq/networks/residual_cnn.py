"""The VQ-VAE's encoder and decoder, for audio, images and video.

van den Oord et al., Neural Discrete Representation Learning, 2017, section
4.1: stride-2 convolutions of width 4, then residual blocks.
"""

import keras

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_choice
from keras_vq.checks import check_downsampling
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.layers import SubpixelConv
from keras_vq.layers import TransposedConv
from keras_vq.networks.convolution import convolution

_UPSAMPLINGS: dict[str, type[keras.layers.Layer]] = {
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
    """Build an encoder to a grid of vectors, `downsampling` times smaller.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, length of a vector; None for features of length
            `hidden_dim`, without the last layer.
        hidden_dim: int >= 2, channels of the convolutions. Defaults to 128.
        num_residual_layers: int >= 0, residual blocks. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults to
            32.
        downsampling: int, a power of two, including 1. Defaults to 4.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size / downsampling), output_dim)`.

    Raises:
        ValueError: If a size is out of range, or `downsampling` does not divide
            the size of the input.

    Example:

    >>> encoder = keras_vq.networks.residual_cnn_encoder((16, 16, 3), 8)
    >>> encoder(np.zeros((2, 16, 16, 3))).shape
    (2, 4, 4, 8)
    """
    check_downsampling(input_shape, downsampling, minimum=1)
    _check_sizes(hidden_dim, num_residual_layers, residual_hidden_dim)
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
        # A convolution of width 1. Distances to the codes need float32.
        x = keras.layers.Dense(output_dim, dtype="float32")(x)
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
    """Build a decoder from a grid, to an output `downsampling` times larger.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, channels of the output.
        hidden_dim: int >= 2, channels of the convolutions. Defaults to 128.
        num_residual_layers: int >= 0, residual blocks. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults to
            32.
        downsampling: int, a power of two, including 1. Defaults to 4.
        upsampling: `"transposed"` or `"subpixel"`, the kind of convolution
            that doubles the size. Defaults to `"transposed"`, as in the paper.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size * downsampling), output_dim)`.

    Raises:
        ValueError: If a size is out of range or `upsampling` is unknown.

    Example:

    >>> decoder = keras_vq.networks.residual_cnn_decoder((4, 4, 8), 3)
    >>> decoder(np.zeros((2, 4, 4, 8))).shape
    (2, 16, 16, 3)
    """
    check_choice("upsampling", upsampling, _UPSAMPLINGS)
    _check_sizes(hidden_dim, num_residual_layers, residual_hidden_dim)
    upsample = _UPSAMPLINGS[upsampling]
    conv = convolution(input_shape, dtype)
    inputs = keras.Input(input_shape)
    # With zero biases, all-zero codes (as from a finite scalar quantizer at
    # first) would put every ReLU at zero, where it passes no gradient.
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
        h = keras.layers.ReLU(dtype=dtype)(x)
        h = conv(residual_hidden_dim, 3, activation="relu")(h)
        h = keras.layers.Dense(hidden_dim, dtype=dtype)(h)
        x = keras.layers.Add(dtype=dtype)([x, h])
    return keras.layers.ReLU(dtype=dtype)(x)


def _check_sizes(hidden_dim, num_residual_layers, residual_hidden_dim):
    check_int("hidden_dim", hidden_dim, 2)
    check_int("num_residual_layers", num_residual_layers, 0, MAX_LAYERS)
    check_memory(f"A layer of hidden_dim={hidden_dim}", hidden_dim, hidden_dim)
    check_int("residual_hidden_dim", residual_hidden_dim)


def _num_halvings(downsampling):
    return downsampling.bit_length() - 1
