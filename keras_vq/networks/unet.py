import math

import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_shape
from keras_vq.checks import check_type
from keras_vq.layers import AdaptiveTransformerBlock
from keras_vq.layers import LabelTimeEmbedding
from keras_vq.networks.conditioning import Conditioning
from keras_vq.networks.convolution import convolution
from keras_vq.networks.latent_denoiser import LatentDenoiser
from keras_vq.saving.config import serializable


@serializable
class UNet(LatentDenoiser):
    """A convolutional network that goes down to coarse grids and up again.

    Residual blocks on the way up also see the features of the way down at the
    same size. Attention follows each block at some levels, and once in the
    middle. Label and time scale and shift the blocks' group normalization. A
    new network returns zeros.

    Args:
        latent_shape: tuple of int, `(*grid, channels)` of one input's latents,
            one to three spatial axes.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        hidden_dim: int >= 2, channels at full size. Defaults to 128.
        channel_multipliers: tuple of int, multiples of `hidden_dim` that give
            the channels of each level; each is half the size of the one before,
            rounded up. Defaults to `(1, 2)`.
        num_residual_layers: int >= 1, residual blocks of each level. Defaults
            to 2.
        attention_levels: tuple of int, levels with attention, counted from 0,
            the finest. Defaults to `(1,)`.
        num_heads: int >= 1; must divide the channels at these levels. Defaults
            to 4.
        dropout: float in [0, 1), dropout rate in the blocks. Defaults to 0.0.
        condition_shape: tuple of two int or None, length and channels of the
            sequence of vectors to which attention attends too. Defaults to
            None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        latents, conditioning, time, training: See
            `keras_vq.networks.LatentDenoiser`.

    Returns:
        float32 tensor `(batch, *latent_shape)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.UNet((7, 7, 4), hidden_dim=16)
    >>> network(np.ones((2, 7, 7, 4)), time=np.array([0.5, 1.0])).shape
    (2, 7, 7, 4)

    References:
        Dhariwal and Nichol, Diffusion Models Beat GANs on Image Synthesis,
        2021, section 3.
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, section 3.3.
    """

    def __init__(
        self,
        latent_shape,
        num_classes=None,
        hidden_dim=128,
        channel_multipliers=(1, 2),
        num_residual_layers=2,
        attention_levels=(1,),
        num_heads=4,
        dropout=0.0,
        condition_shape=None,
        **kwargs,
    ):
        super().__init__(latent_shape, num_classes, condition_shape, **kwargs)
        *grid, channels = self.latent_shape
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        self.channel_multipliers = check_shape(
            "channel_multipliers", channel_multipliers
        )
        self.num_residual_layers = check_int(
            "num_residual_layers", num_residual_layers
        )
        levels = len(self.channel_multipliers)
        check_type(
            "attention_levels", attention_levels, (tuple, list), "a tuple"
        )
        for level in attention_levels:
            check_int("attention_levels", level, 0, levels - 1)
        self.attention_levels = tuple(attention_levels)
        self.num_heads = check_int("num_heads", num_heads)
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)
        # Shape of the grid at each level.
        self.grids = [
            tuple(math.ceil(n / 2**level) for n in grid)
            for level in range(levels)
        ]
        widths = [self.hidden_dim * m for m in self.channel_multipliers]
        vector_dim = 4 * self.hidden_dim
        conv = convolution(self.latent_shape, self.dtype_policy)

        def built(layer, level, channels):
            layer.build((None, *self.grids[level], channels))
            return layer

        def block(level, inputs, outputs, has_attention):
            return _Block(
                (*self.grids[level], inputs),
                outputs,
                vector_dim,
                self.num_heads if has_attention else None,
                self.dropout,
                self.condition_shape,
                dtype=self.dtype_policy,
            )

        self.conditioning_embedding = LabelTimeEmbedding(
            vector_dim, num_classes, dtype=self.dtype_policy
        )
        self.first = built(conv(self.hidden_dim, 3), 0, channels)
        self.downsampling, self.down = [], []
        width, skips = self.hidden_dim, [self.hidden_dim]
        for level in range(levels):
            if level > 0:
                layer = conv(width, 3, strides=2)
                self.downsampling.append(built(layer, level - 1, width))
                skips.append(width)
            for _ in range(self.num_residual_layers):
                attends = level in self.attention_levels
                self.down.append(block(level, width, widths[level], attends))
                width = widths[level]
                skips.append(width)
        last = levels - 1
        self.middle = [
            block(last, width, width, True),
            block(last, width, width, False),
        ]
        self.up, self.upsampling = [], []
        for level in reversed(range(levels)):
            if level < last:
                self.upsampling.append(built(conv(width, 3), level, width))
            for _ in range(self.num_residual_layers + 1):
                attends = level in self.attention_levels
                inputs = width + skips.pop()
                self.up.append(block(level, inputs, widths[level], attends))
                width = widths[level]
        self.norm = built(_normalization(width, self.dtype_policy), 0, width)
        self.last = built(
            conv(channels, 3, kernel_initializer="zeros", dtype="float32"),
            0,
            width,
        )
        self.built = True

    def call(
        self, latents, conditioning=Conditioning(), time=None, training=False
    ):
        x = self.first(ops.cast(latents, self.compute_dtype))
        labels, context = conditioning.labels, conditioning.condition
        if self.num_classes is None:
            labels = ops.zeros(ops.shape(x)[:1], "int32")
        if context is not None:
            context = ops.cast(context, x.dtype)
        vector = self.conditioning_embedding(labels, time)
        down, up, skips = iter(self.down), iter(self.up), [x]
        for level in range(len(self.grids)):
            if level > 0:
                x = self.downsampling[level - 1](x)
                skips.append(x)
            for _ in range(self.num_residual_layers):
                x = next(down)(x, vector, context, training=training)
                skips.append(x)
        for block in self.middle:
            x = block(x, vector, context, training=training)
        upsampling = iter(self.upsampling)
        for level in reversed(range(len(self.grids))):
            if level < len(self.grids) - 1:
                x = next(upsampling)(_doubled(x, self.grids[level]))
            for _ in range(self.num_residual_layers + 1):
                x = ops.concatenate([x, skips.pop()], axis=-1)
                x = next(up)(x, vector, context, training=training)
        return self.last(ops.silu(self.norm(x)))


class _Block(backend.LayerMixin, keras.layers.Layer):
    """Residual block steered by a vector, and attention if it has heads."""

    def __init__(
        self,
        inputs_shape,
        channels,
        vector_dim,
        num_heads,
        dropout,
        condition_shape,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        dtype = self.dtype_policy
        *self.grid, inputs = inputs_shape
        hidden_shape = (None, *self.grid, channels)
        conv = convolution(inputs_shape, dtype)
        self.norm = _normalization(inputs, dtype)
        self.norm.build((None, *inputs_shape))
        self.conv = conv(channels, 3)
        self.conv.build((None, *inputs_shape))
        self.modulation = keras.layers.Dense(2 * channels, dtype=dtype)
        self.modulation.build((None, vector_dim))
        self.hidden_norm = _normalization(channels, dtype)
        self.hidden_norm.build(hidden_shape)
        self.drop = keras.layers.Dropout(dropout, dtype=dtype)
        self.hidden_conv = conv(channels, 3, kernel_initializer="zeros")
        self.hidden_conv.build(hidden_shape)
        self.shortcut = None
        if inputs != channels:
            self.shortcut = keras.layers.Dense(channels, dtype=dtype)
            self.shortcut.build((None, *inputs_shape))
        self.attention = None
        if num_heads is not None:
            self.attention = AdaptiveTransformerBlock(
                num_heads, 4 * channels, dropout, dtype=dtype
            )
            self.attention.build(
                (None, math.prod(self.grid), channels),
                (None, vector_dim),
                condition_shape and (None, *condition_shape),
            )
        self.built = True

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def call(self, inputs, vector, context=None, training=False):
        x = self.conv(ops.silu(self.norm(inputs)))
        axes = (1,) * len(self.grid)
        modulation = self.modulation(ops.silu(vector))
        modulation = ops.reshape(modulation, (-1, *axes, modulation.shape[-1]))
        scale, shift = ops.split(modulation, 2, axis=-1)
        x = (1 + scale) * self.hidden_norm(x) + shift
        x = self.hidden_conv(self.drop(ops.silu(x), training=training))
        x += inputs if self.shortcut is None else self.shortcut(inputs)
        if self.attention is None:
            return x
        shape = (-1, *self.grid, x.shape[-1])
        x = ops.reshape(x, (-1, math.prod(self.grid), x.shape[-1]))
        x = self.attention(x, vector, context, training=training)
        return ops.reshape(x, shape)

    def compute_output_shape(self, inputs_shape, *args, **kwargs):
        return (*inputs_shape[:-1], self.conv.filters)


def _normalization(channels, dtype):
    return keras.layers.GroupNormalization(
        math.gcd(32, channels), epsilon=1e-6, dtype=dtype
    )


def _doubled(x, grid):
    """Repeat each position along each axis, as far as the grid goes."""
    for axis, size in enumerate(grid, start=1):
        x = ops.repeat(x, 2, axis=axis)
        x = x[(slice(None),) * axis + (slice(size),)]
    return x
