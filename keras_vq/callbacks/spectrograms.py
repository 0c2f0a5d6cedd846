import numpy as np
from keras import ops

from keras_vq.ops.spectrogram import spectrogram

# Shown from the loudest down to this, in dB.
_RANGE = 80.0
# Samples of the longest frame; short clips have shorter ones.
_FRAME_LENGTH = 256


def spectrograms(audio):
    """Pictures of recordings: time to the right, frequency up, loud is white.

    Args:
        audio: float array `(n, time, channels)` in [-1, 1]; channels are
            averaged.

    Returns:
        NumPy float32 array `(n, height, width, 1)` in [0, 1], on one scale.
    """
    length = min(_FRAME_LENGTH, audio.shape[1] // 4 * 4)
    mono = np.mean(np.asarray(audio, "float32"), axis=-1, keepdims=True)
    magnitudes = ops.convert_to_numpy(
        spectrogram(ops.convert_to_tensor(mono), length)
    )
    decibels = 20 * np.log10(np.maximum(magnitudes[:, 0], 1e-6))
    pictures = 1 + (decibels - decibels.max()) / _RANGE
    # From (time, frequency) to rows of falling frequency.
    pictures = np.flip(np.swapaxes(pictures, 1, 2), axis=1)
    return np.clip(pictures, 0, 1).astype("float32")[..., None]
