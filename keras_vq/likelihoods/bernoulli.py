import keras
from keras import ops

from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.saving.config import serializable


@serializable
class Bernoulli(Likelihood):
    """Bernoulli distribution over the two ends of the value range.

    The decoder outputs logits. Values in between are fractional targets, so
    grayscale images can be used for training, but `log_prob` is only a
    likelihood for binary values.

    Args:
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, logits.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.Bernoulli()
    >>> x = np.zeros((2, 8, 8, 1))
    >>> round(float(likelihood.log_prob(x, parameters=x)[0] / 64), 4)
    -0.6931

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013, appendix C.1.
    """

    is_discrete = True

    def num_parameters(self, channels):
        return channels

    def log_probs(self, x, parameters):
        target = 0.5 * (self.to_network_range(x) + 1.0)
        # x log p + (1 - x) log(1 - p), from logits.
        return target * parameters - ops.softplus(parameters)

    def mean(self, parameters):
        return self.to_value_range(2.0 * ops.sigmoid(parameters) - 1.0)

    def sample(self, parameters, seed=None):
        mean = self(parameters)
        low, high = self.value_range
        draw = keras.random.uniform(ops.shape(mean), low, high, seed=seed)
        return ops.where(draw < mean, high, low)
