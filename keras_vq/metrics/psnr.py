import math

from keras import ops

from keras_vq.metrics.image_mean import ImageMean
from keras_vq.saving.config import serializable

# Minimum error relative to `max_value**2`, which limits the PSNR to 100 dB.
MIN_ERROR = 1e-10


@serializable
class PSNR(ImageMean):
    """Peak signal-to-noise ratio in dB, averaged over images.

    `10 log10(max_value**2 / mse)` for each image; higher is better. This is the
    mean PSNR of the images, not the PSNR of their mean error. The PSNR is
    limited to 100 dB, since it is infinite for equal images.

    Args:
        max_value: float > 0, maximum of float images; uint8 images are rescaled
            to it. Defaults to 1.0.
        name: str, name of the metric. Defaults to `"psnr"`.
        dtype: dtype of the sums. Defaults to float32.

    Example:

    >>> metric = keras_vq.metrics.PSNR()
    >>> metric.update_state(np.zeros((2, 8, 8, 3)), np.full((2, 8, 8, 3), 0.1))
    >>> round(float(metric.result()), 3)
    20.0
    """

    def __init__(self, max_value=1.0, name="psnr", dtype=None):
        super().__init__(max_value, name=name, dtype=dtype)
        self._direction = "up"

    def measure(self, y_true, y_pred):
        error = ops.square((y_true - y_pred) / self.max_value)
        error = ops.mean(error, axis=tuple(range(1, len(error.shape))))
        error = ops.maximum(error, MIN_ERROR)
        return ops.log(error) * (-10.0 / math.log(10.0))
