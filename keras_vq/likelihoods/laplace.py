import math

from keras import ops

from keras_vq.likelihoods.location_scale import LocationScale
from keras_vq.ops.laplace_noise import laplace_noise
from keras_vq.saving.config import serializable


@serializable
class Laplace(LocationScale):
    """Laplace density centered on the decoder's output.

    `log p = -abs(x - location) / scale - log(2 * scale)`.

    Args:
        scale: float > 0, scale in units of `value_range`, or `"learned"` for
            one trainable scale per channel. Defaults to `"learned"`.
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, -1 for the lower
            end of the range and 1 for the upper end.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.Laplace(scale=0.1)
    >>> x = np.zeros((2, 8, 8, 3))
    >>> likelihood.log_prob(x, parameters=x - 1).shape
    (2,)
    """

    def log_probs(self, x, parameters):
        z = self.standardized(x, parameters)
        return -ops.abs(z) - self.log_scale - math.log(2)

    def sample(self, parameters, seed=None):
        mean = self(parameters)
        noise = laplace_noise(ops.shape(mean), seed)
        return mean + ops.exp(ops.cast(self.log_scale, "float32")) * noise
