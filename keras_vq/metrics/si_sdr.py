import math

from keras import ops

from keras_vq.metrics.example_mean import ExampleMean
from keras_vq.saving.config import serializable

# Least share of the power that counts as signal or as distortion, 100 dB.
_LEAST = 1e-10


@serializable
class SISDR(ExampleMean):
    """Scale-invariant signal-to-distortion ratio in dB, for audio.

    The reconstruction is split into a multiple of the original, the signal,
    and the rest, the distortion; `10 log10(signal power / distortion power)`
    for each recording, without its mean. Higher is better; from -100 to 100 dB.

    Args:
        name: str, name of the metric. Defaults to `"si_sdr"`.
        dtype: dtype of the sums. Defaults to float32.

    Example:

    >>> time = np.linspace(0, 100, 8000)
    >>> x, y = np.sin(time), np.sin(time) + 0.1 * np.cos(time)
    >>> metric = keras_vq.metrics.SISDR()
    >>> metric.update_state(x[None, :, None], 0.5 * y[None, :, None])
    >>> round(float(metric.result()))
    20

    References:
        Le Roux et al., SDR - Half-baked or Well Done?, 2019, equation 4.
    """

    def __init__(self, name="si_sdr", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"

    def measure(self, y_true, y_pred):
        axes = tuple(range(1, len(y_true.shape)))

        def centred(x):
            return x - ops.mean(x, axis=axes, keepdims=True)

        def power(x):
            return ops.sum(ops.square(x), axis=axes, keepdims=True)

        x, y = centred(y_true), centred(y_pred)
        scale = ops.sum(x * y, axis=axes, keepdims=True)
        signal = scale / ops.maximum(power(x), 1e-20) * x
        least = _LEAST * ops.maximum(power(y), 1e-20)
        ratio = ops.maximum(power(signal), least) / ops.maximum(
            power(y - signal), least
        )
        decibels = ops.log(ratio) * (10.0 / math.log(10.0))
        return ops.reshape(decibels, (-1,))
