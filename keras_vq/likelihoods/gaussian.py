import math

import keras
from keras import ops

from keras_vq.likelihoods.location_scale import LocationScale
from keras_vq.saving.config import serializable


@serializable
class Gaussian(LocationScale):
    """Normal density centered on the decoder's output.

    `log p = -0.5 * ((x - mean) / scale) ** 2 - log(scale) - 0.5 * log(2 pi)`.
    A learned scale converges to the standard deviation of the errors.

    Args:
        scale: float > 0, standard deviation in units of `value_range`, or
            `"learned"` for one trainable scale per channel. Defaults to
            `"learned"`.
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, -1 for the lower
            end of the range and 1 for the upper end.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.Gaussian(scale=0.1)
    >>> x = np.zeros((2, 8, 8, 3))
    >>> likelihood.log_prob(x, parameters=x - 1).shape
    (2,)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013, appendix C.2.
        Rybkin et al., Simple and Effective VAE Training with Calibrated
        Decoders, 2020, section 3.
    """

    def log_probs(self, x, parameters):
        z = self.standardized(x, parameters)
        return (
            -0.5 * ops.square(z) - self.log_scale - 0.5 * math.log(2 * math.pi)
        )

    def sample(self, parameters, seed=None):
        mean = self(parameters)
        noise = keras.random.normal(ops.shape(mean), seed=seed)
        return mean + ops.exp(ops.cast(self.log_scale, "float32")) * noise
