"""Discriminators of audio: of periods of the waveform and of spectra.

Kong et al., HiFi-GAN: Generative Adversarial Networks for Efficient and High
Fidelity Speech Synthesis, 2020, section 2.3; Kumar et al., High-Fidelity Audio
Compression with Improved RVQGAN, 2023, section 3.3.
"""

import keras

from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.layers import FourierFrames

# Channels of the convolutions over periods, in multiples of `hidden_dim`.
_PERIOD_WIDTHS = (1, 4, 16, 32)


def multi_period_discriminator(
    input_shape,
    periods=(2, 3, 5, 7, 11),
    hidden_dim=32,
    dtype=None,
    name="period_discriminator",
):
    """Build discriminators that see every p-th sample, for several periods p.

    Args:
        input_shape: tuple, `(time, channels)`.
        periods: tuple of int >= 2, best without common factors. Defaults to
            `(2, 3, 5, 7, 11)`.
        hidden_dim: int, channels of the first convolution; the last one has 32
            times as many. Defaults to 32.
        dtype: dtype policy of the layers; the last ones are float32.
        name: Name of the model.

    Returns:
        `keras.Model` from audio to a list with the maps of each period: a list
        of the features of the layers, then the logits.

    Raises:
        ValueError: If an argument is out of range, or a period is longer than
            the clip.

    Example:

    >>> discriminator = keras_vq.networks.multi_period_discriminator(
    ...     (300, 1), (2, 3), hidden_dim=2)
    >>> maps = discriminator(np.zeros((2, 300, 1)))
    >>> len(maps), maps[0][-1].shape
    (2, (2, 2, 2, 1))
    """
    check_shape("input_shape", input_shape, ranks=(2,))
    periods = check_shape("periods", periods)
    check_int("hidden_dim", hidden_dim)
    for period in periods:
        check_int("periods", period, 2, input_shape[0])
    inputs = keras.Input(input_shape)
    outputs = []
    for period in periods:
        x = keras.layers.ZeroPadding1D(
            (0, -input_shape[0] % period), "channels_last", dtype=dtype
        )(inputs)
        x = keras.layers.Reshape((-1, period, input_shape[1]), dtype=dtype)(x)
        layers = [
            _conv(hidden_dim * width, (5, 1), (3, 1), dtype)
            for width in _PERIOD_WIDTHS
        ]
        layers.append(_conv(hidden_dim * _PERIOD_WIDTHS[-1], (5, 1), 1, dtype))
        outputs.append(_maps(x, layers, (3, 1), dtype))
    return keras.Model(inputs, outputs, name=name)


def multi_scale_stft_discriminator(
    input_shape,
    frame_lengths=(2048, 1024, 512),
    hidden_dim=32,
    dtype=None,
    name="spectrum_discriminator",
):
    """Build discriminators of complex spectra with frames of several lengths.

    Args:
        input_shape: tuple, `(time, channels)`.
        frame_lengths: tuple of int, multiples of 4, samples of a frame.
            Defaults to `(2048, 1024, 512)`.
        hidden_dim: int, channels of the convolutions. Defaults to 32.
        dtype: dtype policy of the layers; the last ones are float32.
        name: Name of the model.

    Returns:
        `keras.Model` from audio to a list with the maps of each length: a list
        of the features of the layers, then the logits.

    Raises:
        ValueError: If an argument is out of range, or half a frame is as long
            as the clip.

    Example:

    >>> discriminator = keras_vq.networks.multi_scale_stft_discriminator(
    ...     (300, 1), (64, 32), hidden_dim=2)
    >>> maps = discriminator(np.zeros((2, 300, 1)))
    >>> len(maps), maps[0][-1].shape
    (2, (2, 19, 5, 1))
    """
    check_shape("input_shape", input_shape, ranks=(2,))
    frame_lengths = check_shape("frame_lengths", frame_lengths)
    check_int("hidden_dim", hidden_dim)
    for length in frame_lengths:
        check_int("frame_lengths", length, 4, 2 * input_shape[0] - 1)
    inputs = keras.Input(input_shape)
    outputs = []
    for length in frame_lengths:
        x = FourierFrames(length)(inputs)
        layers = [_conv(hidden_dim, (3, 9), 1, dtype)]
        layers += [_conv(hidden_dim, (3, 9), (1, 2), dtype) for _ in range(3)]
        layers.append(_conv(hidden_dim, (3, 3), 1, dtype))
        outputs.append(_maps(x, layers, (3, 3), dtype))
    return keras.Model(inputs, outputs, name=name)


def audio_discriminator(
    input_shape,
    periods=(2, 3, 5, 7, 11),
    frame_lengths=(2048, 1024, 512),
    hidden_dim=32,
    dtype=None,
    name="discriminator",
):
    """Build the discriminators of periods and of spectra in one model.

    Args:
        input_shape: tuple, `(time, channels)`.
        periods: See `multi_period_discriminator`.
        frame_lengths: See `multi_scale_stft_discriminator`.
        hidden_dim: int, channels of the first convolutions. Defaults to 32.
        dtype: dtype policy of the layers; the last ones are float32.
        name: Name of the model.

    Returns:
        `keras.Model` from audio to a list with the maps of each discriminator,
        for a `keras_vq.losses.Adversary`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> discriminator = keras_vq.networks.audio_discriminator(
    ...     (300, 1), (2, 3), (64,), hidden_dim=2)
    >>> len(discriminator(np.zeros((2, 300, 1))))
    3
    """
    of_periods = multi_period_discriminator(
        input_shape, periods, hidden_dim, dtype
    )
    of_spectra = multi_scale_stft_discriminator(
        input_shape, frame_lengths, hidden_dim, dtype
    )
    inputs = keras.Input(input_shape)
    outputs = [*of_periods(inputs), *of_spectra(inputs)]
    return keras.Model(inputs, outputs, name=name)


def _conv(filters, kernel_size, strides, dtype):
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        data_format="channels_last",
        dtype=dtype,
    )


def _maps(x, layers, kernel_size, dtype):
    """The features of each layer, and the logits."""
    maps = []
    for layer in layers:
        x = keras.layers.LeakyReLU(0.1, dtype=dtype)(layer(x))
        maps.append(x)
    return [*maps, _conv(1, kernel_size, 1, "float32")(x)]
