from keras_vq.checks import check_int
from keras_vq.losses import SpectralLoss
from keras_vq.metrics.example_mean import ExampleMean
from keras_vq.saving.config import serializable

# Magnitudes below this are equal, as where the distance is published.
_FLOOR = 1e-5


@serializable
class MelDistance(ExampleMean):
    """Mean absolute difference of log10 mel spectrograms, for audio.

    Averaged over bands, frames, channels and recordings; lower is better.

    Args:
        sample_rate: int, samples per second.
        frame_length: int, a multiple of 4, samples of a frame. Defaults to
            512.
        num_bands: int, number of bands. Defaults to 40.
        name: str, name of the metric. Defaults to `"mel_distance"`.
        dtype: dtype of the sums. Defaults to float32.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 1000, 1))
    >>> metric = keras_vq.metrics.MelDistance(8000, 128, 10)
    >>> metric.update_state(x, 0.1 * x)
    >>> round(float(metric.result()), 2)
    1.0

    References:
        Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN,
        2023, section 4.3.
    """

    def __init__(
        self,
        sample_rate,
        frame_length=512,
        num_bands=40,
        name="mel_distance",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.sample_rate = check_int("sample_rate", sample_rate)
        self.frame_length = frame_length
        self.num_bands = num_bands
        self.distance = SpectralLoss(
            sample_rate, (frame_length,), (num_bands,), floor=_FLOOR
        )
        self._direction = "down"

    def measure(self, y_true, y_pred):
        return self.distance(y_true, y_pred)
