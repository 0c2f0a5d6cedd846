import math

from keras import ops

from keras_vq.checks import check_number
from keras_vq.likelihoods.gaussian import Gaussian
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable


@serializable
class MeanSquaredError(Gaussian):
    """Squared error, as a Gaussian likelihood of variance `variance / 2`.

    `-log p = sum((x - mean) ** 2) / variance + constant`. The VQ-VAE divides
    the squared error by the variance of the data.

    Args:
        variance: float > 0, divisor of the squared error. Defaults to 1.0.
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, -1 for the lower
            end of the range and 1 for the upper end.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Raises:
        ValueError: If `variance` is out of range.

    Example:

    >>> likelihood = keras_vq.likelihoods.MeanSquaredError()
    >>> x = np.zeros((2, 8, 8, 3))
    >>> likelihood.log_prob(x, parameters=x - 1).shape
    (2,)
    """

    is_normalized = False

    def __init__(self, variance=1.0, **kwargs):
        super().__init__(scale=1.0, **kwargs)
        self.variance = check_number("variance", variance, above=0)

    @property
    def log_scale(self):
        return 0.5 * math.log(self.variance / 2)

    def loss(self, x, parameters):
        # Without the constant: 0 for a perfect reconstruction.
        error = ops.square(ops.cast(x, "float32") - self(parameters))
        return masked_mean(error) / self.variance
