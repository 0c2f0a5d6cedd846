"""The VQGAN's encoder and decoder, for audio, images and video.

Esser et al., Taming Transformers for High-Resolution Image Synthesis, 2021,
table 7: residual blocks with group normalization, and attention at some sizes.
"""

import math

import keras

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_downsampling
from keras_vq.checks import check_factors
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_number
from keras_vq.checks import check_shape
from keras_vq.checks import check_type
from keras_vq.networks.convolution import convolution
from keras_vq.networks.convolution import halvings

_UPSAMPLINGS = {
    1: keras.layers.UpSampling1D,
    2: keras.layers.UpSampling2D,
    3: keras.layers.UpSampling3D,
}


def vqgan_encoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    channel_multipliers=(1, 1, 2, 2, 4),
    num_residual_layers=2,
    attention_resolutions=None,
    dropout=0.0,
    downsampling=None,
    dtype=None,
    name="encoder",
):
    """Build the VQGAN's encoder, from an input to a grid of vectors.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, length of a vector.
        hidden_dim: int >= 2, channels of the convolutions at full size.
            Defaults to 128.
        channel_multipliers: tuple of int, multiples of `hidden_dim` that give
            the channels at each size, where each size is half the previous one.
            Defaults to `(1, 1, 2, 2, 4)`, for a grid 16 times smaller.
        num_residual_layers: int >= 0, residual blocks at each size. Defaults
            to 2.
        attention_resolutions: tuple of int, sizes of the first spatial axis at
            which attention follows each residual block; `()` for no attention,
            None for the size of the grid. With `downsampling`, sizes of the
            axis that is downsampled most. Defaults to None.
        dropout: float in [0, 1), dropout rate in the residual blocks. Defaults
            to 0.0.
        downsampling: tuple with a power of two for each axis, of which the
            largest is `2 ** (len(channel_multipliers) - 1)`; None for that
            along all axes. Defaults to None.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size / downsampling), output_dim)`.

    Raises:
        ValueError: If an argument is out of range, the input cannot be halved
            that often, or an attention resolution does not occur.

    Example:

    >>> encoder = keras_vq.networks.vqgan_encoder(
    ...     (16, 16, 3), 4, hidden_dim=8, channel_multipliers=(1, 2))
    >>> encoder(np.zeros((2, 16, 16, 3))).shape
    (2, 8, 8, 4)
    """
    multipliers = _check_multipliers(channel_multipliers)
    width = check_int("hidden_dim", hidden_dim, 2) * max(multipliers)
    check_memory(f"A layer of {width} channels", width, width)
    ratio = 2 ** (len(multipliers) - 1)
    if downsampling is None and any(n % ratio for n in input_shape[:-1]):
        raise ValueError(
            f"{len(multipliers)} `channel_multipliers` halve the input "
            f"{len(multipliers) - 1} times: each spatial size must be a "
            f"multiple of {ratio}. Received: channel_multipliers="
            f"{multipliers} and input_shape={input_shape}"
        )
    downsampling = ratio if downsampling is None else downsampling
    strides = _strides(check_downsampling(input_shape, downsampling), ratio)
    axis = _main_axis(strides)
    sizes = _sizes(input_shape[axis], axis, strides)
    blocks = _Blocks(
        input_shape,
        axis,
        hidden_dim,
        num_residual_layers,
        _check_attention(attention_resolutions, sizes),
        dropout,
        dtype,
    )
    inputs = keras.Input(input_shape)
    x = blocks.conv(hidden_dim, 3)(inputs)
    for level, multiplier in enumerate(multipliers):
        if level > 0:
            x = blocks.conv(x.shape[-1], 3, strides=strides[level - 1])(x)
        for _ in range(num_residual_layers):
            x = blocks.residual(x, hidden_dim * multiplier)
    x = blocks.middle(x)
    x = blocks.activated(x)
    outputs = blocks.conv(output_dim, 3, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def vqgan_decoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    channel_multipliers=(1, 1, 2, 2, 4),
    num_residual_layers=2,
    attention_resolutions=None,
    dropout=0.0,
    downsampling=None,
    dtype=None,
    name="decoder",
):
    """Build the VQGAN's decoder, which mirrors the encoder.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, channels of the output.
        hidden_dim, channel_multipliers, attention_resolutions, dropout,
            downsampling: See `vqgan_encoder`.
        num_residual_layers: int >= 0, as for the encoder; the decoder has one
            more residual block at each size. Defaults to 2.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to `(batch, *(size *
        downsampling), output_dim)`.

    Raises:
        ValueError: If an argument is out of range, or an attention resolution
            does not occur.

    Example:

    >>> decoder = keras_vq.networks.vqgan_decoder(
    ...     (8, 8, 4), 3, hidden_dim=8, channel_multipliers=(1, 2))
    >>> decoder(np.zeros((2, 8, 8, 4))).shape
    (2, 16, 16, 3)
    """
    multipliers = _check_multipliers(channel_multipliers)
    width = check_int("hidden_dim", hidden_dim, 2) * max(multipliers)
    check_memory(f"A layer of {width} channels", width, width)
    ratio = 2 ** (len(multipliers) - 1)
    downsampling = ratio if downsampling is None else downsampling
    factors = check_factors(downsampling, len(input_shape) - 1)
    strides = _strides(factors, ratio)
    axis = _main_axis(strides)
    sizes = _sizes(input_shape[axis] * ratio, axis, strides)
    blocks = _Blocks(
        input_shape,
        axis,
        hidden_dim,
        num_residual_layers,
        _check_attention(attention_resolutions, sizes),
        dropout,
        dtype,
    )
    upsample = _UPSAMPLINGS[len(input_shape) - 1]
    inputs = keras.Input(input_shape)
    x = blocks.conv(hidden_dim * multipliers[-1], 3)(inputs)
    x = blocks.middle(x)
    for level, multiplier in enumerate(reversed(multipliers)):
        if level > 0:
            size = strides[-level]
            if len(size) > 1:
                x = upsample(size, "channels_last", dtype=dtype)(x)
            else:
                x = upsample(size[0], dtype=dtype)(x)
            x = blocks.conv(x.shape[-1], 3)(x)
        for _ in range(num_residual_layers + 1):
            x = blocks.residual(x, hidden_dim * multiplier)
    x = blocks.activated(x)
    outputs = blocks.conv(output_dim, 3, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _strides(factors, ratio):
    """Strides between the sizes, whose largest product is `ratio`."""
    if max(factors) != ratio:
        raise ValueError(
            "The largest of `downsampling` must be the ratio of the sizes that "
            f"`channel_multipliers` describe, {ratio}. Received: downsampling="
            f"{factors}"
        )
    return halvings(factors)


def _main_axis(strides):
    """The first of the axes that are downsampled most."""
    return next(axis for axis in range(len(strides[0])) if strides[0][axis] > 1)


def _sizes(size, axis, strides):
    """Sizes of an axis, from that of the input to that of the grid."""
    sizes = [size]
    for stride in strides:
        sizes.append(sizes[-1] // stride[axis])
    return sizes


def _check_multipliers(multipliers):
    multipliers = check_shape("channel_multipliers", multipliers)
    if len(multipliers) < 2:
        raise ValueError(
            "`channel_multipliers` must be at least two positive integers, one "
            f"per size. Received: channel_multipliers={multipliers}"
        )
    return multipliers


def _check_attention(resolutions, sizes):
    if resolutions is None:
        return (sizes[-1],)
    check_type("attention_resolutions", resolutions, (tuple, list), "a tuple")
    for size in resolutions:
        if size not in sizes:
            raise ValueError(
                "`attention_resolutions` must be sizes of the first spatial "
                f"axis that occur: {', '.join(map(str, sizes))}. Received: "
                f"attention_resolutions={tuple(resolutions)}"
            )
    return tuple(resolutions)


class _Blocks:
    """The building blocks of encoder and decoder."""

    def __init__(
        self,
        input_shape,
        axis,
        hidden_dim,
        num_residual_layers,
        attention_resolutions,
        dropout,
        dtype,
    ):
        check_int("hidden_dim", hidden_dim, 2)
        check_int("num_residual_layers", num_residual_layers, 0, MAX_LAYERS)
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)
        self.conv = convolution(input_shape, dtype)
        self.axis = axis  # that attention resolutions are sizes of
        self.attention_resolutions = attention_resolutions
        self.dtype = dtype

    def normalized(self, x):
        groups = math.gcd(32, x.shape[-1])
        return keras.layers.GroupNormalization(
            groups, epsilon=1e-6, dtype=self.dtype
        )(x)

    def activated(self, x):
        return keras.layers.Activation("silu", dtype=self.dtype)(
            self.normalized(x)
        )

    def residual(self, x, channels, attention=True):
        h = self.conv(channels, 3)(self.activated(x))
        h = self.activated(h)
        if self.dropout:
            h = keras.layers.Dropout(self.dropout, dtype=self.dtype)(h)
        h = self.conv(channels, 3)(h)
        if x.shape[-1] != channels:
            x = keras.layers.Dense(channels, dtype=self.dtype)(x)
        x = keras.layers.Add(dtype=self.dtype)([x, h])
        if attention and x.shape[1 + self.axis] in self.attention_resolutions:
            x = self.attended(x)
        return x

    def attended(self, x):
        """Apply self-attention over all positions."""
        h = self.normalized(x)
        h = keras.layers.MultiHeadAttention(
            num_heads=1,
            key_dim=x.shape[-1],
            attention_axes=tuple(range(1, len(x.shape) - 1)),
            dtype=self.dtype,
        )(h, h)
        return keras.layers.Add(dtype=self.dtype)([x, h])

    def middle(self, x):
        """Apply the blocks at the smallest size, with attention if enabled."""
        x = self.residual(x, x.shape[-1], attention=False)
        if self.attention_resolutions:
            x = self.attended(x)
        return self.residual(x, x.shape[-1], attention=False)
