"""Magnitudes of the frequencies of audio, over time."""

import keras
import numpy as np
from keras import ops

# Below the power of any sound; keeps gradients and logarithms finite.
_TINY = 1e-12


def spectrogram(x, frame_length):
    """Magnitudes of the short-time Fourier transform, with Hann windows.

    Frames overlap by three quarters, and are centred on their times.

    Args:
        x: float tensor `(batch, time, channels)`.
        frame_length: int, samples of a frame, a multiple of 4.

    Returns:
        float32 tensor `(batch, channels, frames, frame_length / 2 + 1)`.

    Raises:
        ValueError: If `x` is not longer than half a frame.

    Example:

    >>> x = np.sin(2 * np.pi * 100 * np.arange(1000) / 1000)[None, :, None]
    >>> magnitudes = keras_vq.ops.spectrogram(x, 100)
    >>> magnitudes.shape, int(keras.ops.argmax(magnitudes[0, 0, 20]))
    ((1, 1, 41, 51), 10)
    """
    real, imaginary = fourier_frames(x, frame_length)
    return ops.sqrt(ops.square(real) + ops.square(imaginary) + _TINY)


def fourier_frames(x, frame_length):
    """Real and imaginary parts of the short-time Fourier transform.

    Args:
        x, frame_length: See `spectrogram`.

    Returns:
        Pair of float32 tensors `(batch, channels, frames, frame_length / 2 +
        1)`.

    Raises:
        ValueError: If `x` is not longer than half a frame.

    Example:

    >>> real, imaginary = keras_vq.ops.fourier_frames(np.ones((1, 40, 1)), 20)
    >>> real.shape, float(real[0, 0, 4, 0])
    ((1, 1, 9, 11), 10.0)
    """
    x = ops.cast(x, "float32")
    if x.shape[1] is not None and x.shape[1] <= frame_length // 2:
        raise ValueError(
            "Audio must be longer than half a frame. Received: "
            f"{x.shape[1]} samples and frame_length={frame_length}"
        )
    return ops.stft(
        ops.transpose(x, (0, 2, 1)),
        sequence_length=frame_length,
        sequence_stride=frame_length // 4,
        fft_length=frame_length,
    )


def mel_matrix(sample_rate, frame_length, num_bands):
    """Weights of frequencies in bands that are evenly spaced to the ear.

    Args:
        sample_rate: int, samples per second.
        frame_length: int, samples of a frame of the spectrogram.
        num_bands: int, number of bands, from 0 to half the sample rate.

    Returns:
        NumPy float32 array `(frame_length / 2 + 1, num_bands)`.

    Example:

    >>> keras_vq.ops.mel_matrix(8000, 256, 20).shape
    (129, 20)
    """
    layer = keras.layers.MelSpectrogram(fft_length=frame_length)
    weights = layer.linear_to_mel_weight_matrix(
        num_mel_bins=num_bands,
        num_spectrogram_bins=frame_length // 2 + 1,
        sampling_rate=sample_rate,
        lower_edge_hertz=0.0,
        upper_edge_hertz=sample_rate / 2,
    )
    return np.asarray(ops.convert_to_numpy(weights), "float32")
