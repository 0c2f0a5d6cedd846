"""Encoder and decoder of an audio codec: strided and dilated convolutions.

Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021, section
III-A and III-B.
"""

import math

import keras

from keras_vq.checks import check_choice
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_shape
from keras_vq.layers import CausalConv1D
from keras_vq.layers import CausalConv1DTranspose
from keras_vq.layers import ResidualUnit1D
from keras_vq.layers.residual_unit1d import ACTIVATIONS
from keras_vq.layers.residual_unit1d import audio_activation
from keras_vq.layers.residual_unit1d import conv1d

_KERNEL_SIZE = 7


def codec_encoder(
    input_shape,
    output_dim,
    hidden_dim=32,
    strides=(2, 4, 5, 8),
    dilations=(1, 3, 9),
    activation="snake",
    is_causal=True,
    dtype=None,
    name="encoder",
):
    """Build the encoder, from audio to a sequence of vectors.

    Each stride follows residual units, one for each dilation, and doubles the
    channels.

    Args:
        input_shape: tuple, `(time, channels)`; the product of the strides must
            divide the time.
        output_dim: int, length of a vector.
        hidden_dim: int >= 2, channels at the full rate. Defaults to 32.
        strides: tuple of int. Defaults to `(2, 4, 5, 8)`, for one vector per
            320 samples.
        dilations: tuple of int, of the residual units. Defaults to `(1, 3,
            9)`.
        activation: `"snake"` or `"elu"`. Defaults to `"snake"`.
        is_causal: bool, whether a vector depends on its own samples and on
            those before alone. Defaults to True.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, time, channels)` to `(batch, time /
        prod(strides), output_dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> encoder = keras_vq.networks.codec_encoder((320, 1), 8, 4, (4, 8))
    >>> encoder(np.zeros((2, 320, 1))).shape
    (2, 10, 8)
    """
    strides = _check_sizes(input_shape, hidden_dim, strides)
    hop = math.prod(strides)
    if input_shape[0] % hop:
        raise ValueError(
            "The product of the strides must divide the samples of a clip. "
            f"Received: input_shape={tuple(input_shape)} and strides="
            f"{strides}, whose product is {hop}"
        )
    blocks = _Blocks(dilations, activation, is_causal, dtype)
    x = [blocks.conv(hidden_dim, _KERNEL_SIZE)]
    for level, stride in enumerate(strides, 1):
        x += [*blocks.residual_units(), blocks.activation()]
        x += blocks.downsampling(hidden_dim * 2**level, stride)
    x += [blocks.activation(), blocks.conv(output_dim, 3, "float32")]
    return keras.Sequential([keras.Input(input_shape), *x], name=name)


def codec_decoder(
    input_shape,
    output_dim,
    hidden_dim=32,
    strides=(2, 4, 5, 8),
    dilations=(1, 3, 9),
    activation="snake",
    is_causal=True,
    dtype=None,
    name="decoder",
):
    """Build the decoder, which mirrors the encoder.

    Args:
        input_shape: tuple, `(time, channels)` of the sequence of vectors.
        output_dim: int, channels of the output.
        hidden_dim, strides, dilations, activation, is_causal: As for
            `codec_encoder`.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, time, channels)` to `(batch, time *
        prod(strides), output_dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> decoder = keras_vq.networks.codec_decoder((10, 8), 1, 4, (4, 8))
    >>> decoder(np.zeros((2, 10, 8))).shape
    (2, 320, 1)
    """
    strides = _check_sizes(input_shape, hidden_dim, strides)
    blocks = _Blocks(dilations, activation, is_causal, dtype)
    x = [blocks.conv(hidden_dim * 2 ** len(strides), _KERNEL_SIZE)]
    for level, stride in enumerate(reversed(strides), 1):
        x.append(blocks.activation())
        x += blocks.upsampling(hidden_dim * 2 ** (len(strides) - level), stride)
        x += blocks.residual_units()
    x += [blocks.activation(), blocks.conv(output_dim, _KERNEL_SIZE, "float32")]
    return keras.Sequential([keras.Input(input_shape), *x], name=name)


def _check_sizes(input_shape, hidden_dim, strides):
    check_shape("input_shape", input_shape, ranks=(2,))
    strides = check_shape("strides", strides)
    for stride in strides:
        check_int("strides", stride, 2)
    width = check_int("hidden_dim", hidden_dim, 2) * 2 ** len(strides)
    check_memory(f"A layer of {width} channels", width, width)
    return strides


class _Blocks:
    """The layers that encoder and decoder are built from."""

    def __init__(self, dilations, activation, is_causal, dtype):
        self.dilations = check_shape("dilations", dilations)
        self.name = check_choice("activation", activation, ACTIVATIONS)
        self.is_causal = check_flag("is_causal", is_causal)
        self.dtype = dtype

    def activation(self):
        return audio_activation(self.name, self.dtype)

    def conv(self, filters, kernel_size, dtype=None):
        dtype = dtype or self.dtype
        return conv1d(filters, kernel_size, 1, self.is_causal, dtype)

    def residual_units(self):
        return [
            ResidualUnit1D(
                _KERNEL_SIZE,
                dilation,
                self.name,
                self.is_causal,
                dtype=self.dtype,
            )
            for dilation in self.dilations
        ]

    def downsampling(self, filters, stride):
        """Each output sees the `stride` samples it stands for, and as many
        before; or half as many on both sides."""
        if self.is_causal:
            return [
                CausalConv1D(
                    filters, 2 * stride, strides=stride, dtype=self.dtype
                )
            ]
        sides = (stride - stride // 2, stride // 2)
        return [
            keras.layers.ZeroPadding1D(
                sides, "channels_last", dtype=self.dtype
            ),
            keras.layers.Conv1D(
                filters,
                2 * stride,
                stride,
                data_format="channels_last",
                dtype=self.dtype,
            ),
        ]

    def upsampling(self, filters, stride):
        """Each output sees the vector it belongs to, and one neighbour."""
        if self.is_causal:
            return [CausalConv1DTranspose(filters, stride, dtype=self.dtype)]
        sides = (stride // 2, stride - stride // 2)
        return [
            keras.layers.Conv1DTranspose(
                filters,
                2 * stride,
                stride,
                data_format="channels_last",
                dtype=self.dtype,
            ),
            keras.layers.Cropping1D(sides, dtype=self.dtype),
        ]
