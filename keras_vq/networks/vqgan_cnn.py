"""The VQGAN's encoder and decoder, for audio, images and video.

Esser et al., Taming Transformers for High-Resolution Image Synthesis, 2021,
table 7: residual blocks with group normalization, attention at chosen sizes.
"""

import math

import keras
from keras import layers

from keras_vq.networks.convolution import convolution

_UPSAMPLINGS = {
    1: layers.UpSampling1D,
    2: layers.UpSampling2D,
    3: layers.UpSampling3D,
}


def vqgan_encoder(
    input_shape,
    output_dim,
    hidden_dim=128,
    channel_multipliers=(1, 1, 2, 2, 4),
    num_residual_layers=2,
    attention_resolutions=(16,),
    dropout=0.0,
    dtype=None,
    name="encoder",
):
    """From an input to a grid of vectors.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, length of a vector.
        hidden_dim: int, channels of the convolutions at the full size.
        channel_multipliers: tuple of int, one for each size, each half of the
            one before: `hidden_dim` times this is its number of channels.
        num_residual_layers: int, residual blocks at each size.
        attention_resolutions: tuple of int, sizes of the first spatial axis at
            which attention follows each residual block.
        dropout: float, dropout rate inside the residual blocks.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to
        `(batch, *(size / 2 ** (len(channel_multipliers) - 1)), output_dim)`.
    """
    blocks = _Blocks(input_shape, attention_resolutions, dropout, dtype)
    inputs = keras.Input(input_shape)
    x = blocks.conv(hidden_dim, 3)(inputs)
    for level, multiplier in enumerate(channel_multipliers):
        if level > 0:
            x = blocks.conv(x.shape[-1], 3, strides=2)(x)
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
    attention_resolutions=(16,),
    dropout=0.0,
    dtype=None,
    name="decoder",
):
    """From a grid of vectors to an output: the encoder in reverse.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        output_dim: int, channels of the output.
        hidden_dim: int, channels of the convolutions at the full size.
        channel_multipliers: tuple of int, as the encoder's.
        num_residual_layers: int, the encoder's; here there is one more at each
            size.
        attention_resolutions: tuple of int, as the encoder's.
        dropout: float, dropout rate inside the residual blocks.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to `(batch, *(size *
        2 ** (len(channel_multipliers) - 1)), output_dim)`; its last layer is
        the last convolution.
    """
    blocks = _Blocks(input_shape, attention_resolutions, dropout, dtype)
    upsample = _UPSAMPLINGS[len(input_shape) - 1]
    inputs = keras.Input(input_shape)
    x = blocks.conv(hidden_dim * channel_multipliers[-1], 3)(inputs)
    x = blocks.middle(x)
    for level, multiplier in enumerate(reversed(channel_multipliers)):
        if level > 0:
            x = upsample(2, dtype=dtype)(x)
            x = blocks.conv(x.shape[-1], 3)(x)
        for _ in range(num_residual_layers + 1):
            x = blocks.residual(x, hidden_dim * multiplier)
    x = blocks.activated(x)
    outputs = blocks.conv(output_dim, 3, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


class _Blocks:
    """What encoder and decoder are made of."""

    def __init__(self, input_shape, attention_resolutions, dropout, dtype):
        self.conv = convolution(input_shape, dtype)
        self.attention_resolutions = attention_resolutions
        self.dropout = dropout
        self.dtype = dtype

    def normalized(self, x):
        groups = math.gcd(32, x.shape[-1])
        return layers.GroupNormalization(
            groups, epsilon=1e-6, dtype=self.dtype
        )(x)

    def activated(self, x):
        return layers.Activation("silu", dtype=self.dtype)(self.normalized(x))

    def residual(self, x, channels, attention=True):
        h = self.conv(channels, 3)(self.activated(x))
        h = self.activated(h)
        if self.dropout:
            h = layers.Dropout(self.dropout, dtype=self.dtype)(h)
        h = self.conv(channels, 3)(h)
        if x.shape[-1] != channels:
            x = layers.Dense(channels, dtype=self.dtype)(x)
        x = layers.Add(dtype=self.dtype)([x, h])
        if attention and x.shape[1] in self.attention_resolutions:
            x = self.attended(x)
        return x

    def attended(self, x):
        """Each position looks at all positions."""
        h = self.normalized(x)
        h = layers.MultiHeadAttention(
            num_heads=1,
            key_dim=x.shape[-1],
            attention_axes=tuple(range(1, len(x.shape) - 1)),
            dtype=self.dtype,
        )(h, h)
        return layers.Add(dtype=self.dtype)([x, h])

    def middle(self, x):
        """The coarsest size: with attention wherever there is some at all."""
        x = self.residual(x, x.shape[-1], attention=False)
        if self.attention_resolutions:
            x = self.attended(x)
        return self.residual(x, x.shape[-1], attention=False)
