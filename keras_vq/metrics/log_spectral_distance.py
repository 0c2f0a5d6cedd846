import math

from keras import ops

from keras_vq.checks import check_int
from keras_vq.metrics.example_mean import ExampleMean
from keras_vq.ops.spectrogram import spectrogram
from keras_vq.saving.config import serializable

# Powers below this are equal, -100 dB.
_LEAST = 1e-10


@serializable
class LogSpectralDistance(ExampleMean):
    """Distance of log power spectra in dB, averaged over frames, for audio.

    The root mean square, over frequencies, of the difference of `10
    log10(power)`, averaged over frames, channels and recordings; lower is
    better.

    Args:
        frame_length: int, a multiple of 4, samples of a frame. Defaults to
            512.
        name: str, name of the metric. Defaults to `"log_spectral_distance"`.
        dtype: dtype of the sums. Defaults to float32.

    Raises:
        ValueError: If `frame_length` is out of range.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 1000, 1))
    >>> metric = keras_vq.metrics.LogSpectralDistance(64)
    >>> metric.update_state(x, 0.1 * x)
    >>> round(float(metric.result()), 2)
    20.0

    References:
        Gray and Markel, Distance Measures for Speech Processing, 1976.
    """

    def __init__(
        self, frame_length=512, name="log_spectral_distance", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.frame_length = check_frame_length(frame_length)
        self._direction = "down"

    def measure(self, y_true, y_pred):
        def decibels(x):
            power = ops.square(spectrogram(x, self.frame_length))
            power = ops.maximum(power, _LEAST)
            return ops.log(power) * (10.0 / math.log(10.0))

        square = ops.square(decibels(y_true) - decibels(y_pred))
        distance = ops.sqrt(ops.mean(square, axis=-1))
        return ops.mean(distance, axis=(1, 2))


def check_frame_length(frame_length):
    """Check the length of a frame of a spectrogram, and return it."""
    check_int("frame_length", frame_length, 4)
    if frame_length % 4:
        raise ValueError(
            "`frame_length` must be a multiple of 4. Received: frame_length="
            f"{frame_length}"
        )
    return frame_length
