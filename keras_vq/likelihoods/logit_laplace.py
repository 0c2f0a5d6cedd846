import math

from keras import ops

from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.ops.laplace_noise import laplace_noise
from keras_vq.saving.config import serializable

_EPSILON = 0.1


@serializable
class LogitLaplace(Likelihood):
    """Logit-Laplace density, for values in a bounded range.

    A value x in [0, 1] is mapped to y = 0.8 * x + 0.1, away from the ends:

    ```
    log p(y) = -abs(logit(y) - location) / scale
               - log(2 * scale * y * (1 - y))
    ```

    `mean` returns the median, the paper's reconstruction.

    Args:
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, 2 * channels)`, the locations
            of all channels, then their log-scales.

    Returns:
        float32 tensor `(batch, *size, channels)`, the median.

    Example:

    >>> likelihood = keras_vq.likelihoods.LogitLaplace()
    >>> likelihood.log_prob(np.ones((2, 8, 8, 3)), np.ones((2, 8, 8, 6))).shape
    (2,)

    References:
        Ramesh et al., Zero-Shot Text-to-Image Generation, 2021, appendix A.3.
    """

    def num_parameters(self, channels):
        return 2 * channels

    def log_probs(self, x, parameters):
        low, high = self.value_range
        y = (
            0.5 * (self.to_network_range(x) + 1.0) * (1 - 2 * _EPSILON)
            + _EPSILON
        )
        location, log_scale = self._split(parameters)
        logit = ops.log(y) - ops.log1p(-y)
        log_density = (
            -ops.abs(logit - location) * ops.exp(-log_scale)
            - log_scale
            - ops.log(2.0 * y * (1.0 - y))
        )
        # Convert the density of y to a density of x.
        return log_density + math.log((1 - 2 * _EPSILON) / (high - low))

    def mean(self, parameters):
        return self._from_logit(self._split(parameters)[0])

    def sample(self, parameters, seed=None):
        location, log_scale = self._split(parameters)
        noise = laplace_noise(ops.shape(location), seed)
        return self._from_logit(location + ops.exp(log_scale) * noise)

    def _from_logit(self, logit):
        x = (ops.sigmoid(logit) - _EPSILON) / (1 - 2 * _EPSILON)
        return self.to_value_range(2.0 * ops.clip(x, 0.0, 1.0) - 1.0)

    def _split(self, parameters):
        parameters = ops.cast(parameters, "float32")
        location, log_scale = ops.split(parameters, 2, axis=-1)
        return location, ops.clip(log_scale, -7.0, 7.0)
