"""The VQ-VAE's encoder and decoder, for audio, images and video.

van den Oord et al., Neural Discrete Representation Learning, 2017, section
4.1: stride-2 convolutions of width 4, then residual blocks.
"""

import keras

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_choice
from keras_vq.checks import check_downsampling
from keras_vq.checks import check_factors
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.layers import SubpixelConv
from keras_vq.layers import TransposedConv
from keras_vq.networks.convolution import convolution
from keras_vq.networks.convolution import halvings

UPSAMPLINGS = ("transposed", "subpixel")


def residual_cnn_encoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    num_residual_layers=2,
    residual_hidden_dim=32,
    downsampling=4,
    is_causal=False,
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
        downsampling: int, a power of two, including 1, or a tuple with one for
            each axis, such as `(2, 4, 4)`. Defaults to 4.
        is_causal: bool, whether the vectors of a video depend on no later
            frames. The first frame is encoded on its own, the others
            `downsampling[0]` at a time. Defaults to False.
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
    conv = convolution(input_shape, dtype, is_causal)
    factors = check_downsampling(input_shape, downsampling, 1, is_causal)
    _check_sizes(hidden_dim, num_residual_layers, residual_hidden_dim)
    inputs = keras.Input(input_shape)
    x = inputs
    layers = halvings(factors)
    for layer, strides in enumerate(layers, 1):
        filters = hidden_dim if layer == len(layers) else hidden_dim // 2
        widths = tuple(4 if stride == 2 else 3 for stride in strides)
        x = conv(filters, widths, strides=strides, activation="relu")(x)
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
    is_causal=False,
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
        downsampling: int, a power of two, including 1, or a tuple with one for
            each axis, such as `(2, 4, 4)`. Defaults to 4.
        upsampling: `"transposed"` or `"subpixel"`, the kind of convolution
            that doubles the size; `"subpixel"` doubles all axes. Defaults to
            `"transposed"`, as in the paper.
        is_causal: bool, whether the frames of a video depend on no later
            vectors than their own. Defaults to False.
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
    _check_sizes(hidden_dim, num_residual_layers, residual_hidden_dim)
    factors = check_factors(downsampling, len(input_shape) - 1)
    doublings = halvings(factors)[::-1]
    upsample = _upsampling(upsampling, factors, is_causal)
    conv = convolution(input_shape, dtype, is_causal)
    inputs = keras.Input(input_shape)
    # With zero biases, all-zero codes (as from a finite scalar quantizer at
    # first) would put every ReLU at zero, where it passes no gradient.
    x = conv(hidden_dim, 3, bias_initializer="random_uniform")(inputs)
    x = _residual_stack(
        x, conv, num_residual_layers, residual_hidden_dim, dtype
    )
    for strides in doublings[:-1]:
        x = upsample(hidden_dim // 2, strides, activation="relu", dtype=dtype)(
            x
        )
    if not doublings:
        outputs = conv(output_dim, 3, dtype="float32")(x)
    else:
        outputs = upsample(output_dim, doublings[-1], dtype="float32")(x)
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


def _upsampling(name, factors, is_causal):
    """A function of filters and strides that returns a layer."""
    check_choice("upsampling", name, UPSAMPLINGS)
    if name == "transposed":

        def transposed(filters, strides, **kwargs):
            return TransposedConv(
                filters, strides=strides, is_causal=is_causal, **kwargs
            )

        return transposed
    if is_causal or len(set(factors)) > 1:
        raise ValueError(
            'upsampling="subpixel" doubles all axes. Received: downsampling='
            f"{factors} and is_causal={is_causal}"
        )

    def subpixel(filters, strides, **kwargs):
        return SubpixelConv(filters, **kwargs)

    return subpixel
