import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.ops.spectrogram import fourier_frames
from keras_vq.saving.config import serializable


@serializable
class FourierFrames(backend.LayerMixin, keras.layers.Layer):
    """The short-time Fourier transform, as channels of an image.

    Frames overlap by three quarters, have a Hann window, and are divided by the
    norm of the window.

    Args:
        frame_length: int, samples of a frame, a multiple of 4.
        **kwargs: Keyword arguments of `keras.layers.Layer`. Computations are in
            float32 under every dtype policy.

    Call arguments:
        x: float tensor `(batch, time, channels)`.

    Returns:
        float32 tensor `(batch, frames, frame_length / 2 + 1, 2 * channels)`,
        real parts, then imaginary ones.

    Raises:
        ValueError: If `frame_length` is not a multiple of 4, or audio is not
            longer than half a frame.

    Example:

    >>> layer = keras_vq.layers.FourierFrames(64)
    >>> layer(np.zeros((2, 320, 1))).shape
    (2, 21, 33, 2)
    """

    def __init__(self, frame_length, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self.frame_length = check_int("frame_length", frame_length, 4)
        if self.frame_length % 4:
            raise ValueError(
                "`frame_length` must be a multiple of 4. Received: "
                f"frame_length={frame_length}"
            )
        # The norm of a periodic Hann window.
        self.norm = float(np.sqrt(0.375 * self.frame_length))
        self.built = True

    def call(self, x):
        parts = fourier_frames(x, self.frame_length)
        parts = ops.concatenate(parts, axis=1) / self.norm
        return ops.transpose(parts, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape):
        batch, time, channels = input_shape
        frames = None if time is None else 1 + time // (self.frame_length // 4)
        return (batch, frames, self.frame_length // 2 + 1, 2 * channels)
