import keras
from keras import ops

from keras_vq.likelihoods.likelihood import LEVELS
from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.likelihoods.likelihood import from_levels
from keras_vq.likelihoods.likelihood import to_levels
from keras_vq.saving.config import serializable


@serializable
class Categorical(Likelihood):
    """Softmax over the 256 levels of each value.

    Args:
        value_range: pair of float, the lowest and the highest of the evenly
            spaced levels. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, 256 * channels)`, logits
            grouped by channel.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.Categorical()
    >>> x, logits = np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 256))
    >>> bits = likelihood.log_prob(x, logits)[0] / 16 / np.log(2)
    >>> round(float(bits), 4)
    -8.0

    References:
        van den Oord et al., Pixel Recurrent Neural Networks, 2016, section 3.
    """

    is_discrete = True

    def num_parameters(self, channels):
        return LEVELS * channels

    def log_probs(self, x, parameters):
        log_p = ops.log_softmax(self._by_channel(parameters), axis=-1)
        levels = to_levels(self.to_network_range(x))
        return ops.take_along_axis(log_p, levels[..., None], axis=-1)[..., 0]

    def mean(self, parameters):
        p = ops.softmax(self._by_channel(parameters), axis=-1)
        values = from_levels(ops.arange(LEVELS))
        return self.to_value_range(ops.sum(p * values, axis=-1))

    def sample(self, parameters, seed=None):
        logits = self._by_channel(ops.cast(parameters, "float32"))
        shape = ops.shape(logits)
        levels = keras.random.categorical(
            ops.reshape(logits, (-1, LEVELS)), 1, seed=seed
        )
        return self.to_value_range(from_levels(ops.reshape(levels, shape[:-1])))

    def _by_channel(self, parameters):
        channels = parameters.shape[-1] // LEVELS
        shape = (*ops.shape(parameters)[:-1], channels, LEVELS)
        return ops.reshape(parameters, shape)
