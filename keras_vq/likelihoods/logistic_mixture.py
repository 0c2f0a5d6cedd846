import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.likelihoods.likelihood import LEVELS
from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.likelihoods.likelihood import from_levels
from keras_vq.saving.config import serializable

_HALF_BIN = 1.0 / (LEVELS - 1)  # half the distance between levels in [-1, 1]
_MIN_LOG_SCALE = -7.0


@serializable
class LogisticMixture(Likelihood):
    """Discretized logistic mixture with dependent channels.

    The probability of each of the 256 levels is the mass of its bin under a
    mixture of logistic distributions; the first and the last bin extend to
    infinity. The location of a channel depends linearly on the values of
    earlier channels: green on red, blue on red and green.

    Args:
        num_mixtures: int from 1 to 256, number of mixture components. Defaults
            to 10.
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, num_parameters(channels))`;
            logits, locations of all channels, log-scales of all channels, and
            `channels * (channels - 1) / 2` coefficients, each with one value
            per component.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.LogisticMixture(num_mixtures=5)
    >>> likelihood.num_parameters(3)
    50
    >>> likelihood.log_prob(np.ones((2, 8, 8, 3)), np.ones((2, 8, 8, 50))).shape
    (2,)

    References:
        Salimans et al., PixelCNN++, 2017, sections 2.1 and 2.2.
    """

    is_discrete = True

    def __init__(self, num_mixtures=10, **kwargs):
        super().__init__(**kwargs)
        self.num_mixtures = check_int(
            "num_mixtures", num_mixtures, maximum=LEVELS
        )

    def num_parameters(self, channels):
        coefficients = channels * (channels - 1) // 2
        return self.num_mixtures * (1 + 2 * channels + coefficients)

    def log_probs(self, x, parameters):
        channels = x.shape[-1]
        x = self.to_network_range(x)[..., None]  # (batch, *size, channels, 1)
        logits, locations, log_scales, weights = self._split(
            parameters, channels
        )
        means = self._means(
            locations, weights, [x[..., c, :] for c in range(channels)]
        )
        log_p = _log_bin(x, ops.stack(means, axis=-2), log_scales)
        log_p = ops.sum(log_p, axis=-2) + ops.log_softmax(logits, axis=-1)
        return ops.logsumexp(log_p, axis=-1)

    def level_log_probs(self, parameters, values):
        """log p of the 256 levels of a channel, given the earlier channels.

        Args:
            parameters: float32 tensor `(..., num_parameters)`.
            values: list of float32 tensors `(...)` in `value_range`, the
                earlier channels; empty for the first one.

        Returns:
            float32 tensor `(..., 256)`.
        """
        channels = self._channels(parameters)
        logits, locations, log_scales, weights = self._split(
            parameters, channels
        )
        before = [self.to_network_range(value)[..., None] for value in values]
        log_p = ops.log_softmax(logits, axis=-1)
        for c, x in enumerate(before):
            (mean,) = self._means(locations, weights, before, only=c)
            log_p += _log_bin(x, mean, log_scales[..., c, :])
        log_p = ops.log_softmax(log_p, axis=-1)[..., None, :]
        c = len(before)
        (mean,) = self._means(locations, weights, before, only=c)
        levels = from_levels(ops.arange(LEVELS))[:, None]
        level_log_p = _log_bin(
            levels, mean[..., None, :], log_scales[..., c, None, :]
        )
        return ops.logsumexp(log_p + level_log_p, axis=-1)

    def mean(self, parameters):
        channels = self._channels(parameters)
        logits, locations, _, weights = self._split(parameters, channels)
        means = self._means(locations, weights)
        p = ops.softmax(logits, axis=-1)
        values = ops.stack([ops.sum(p * m, axis=-1) for m in means], axis=-1)
        return self.to_value_range(ops.clip(values, -1.0, 1.0))

    def sample(self, parameters, seed=None):
        parameters = ops.cast(parameters, "float32")
        channels = self._channels(parameters)
        logits, locations, log_scales, weights = self._split(
            parameters, channels
        )
        # Sample the component with the Gumbel-max trick.
        draw = keras.random.uniform(
            ops.shape(logits), 1e-5, 1 - 1e-5, seed=seed
        )
        noisy = logits - ops.log(-ops.log(draw))
        chosen = ops.one_hot(ops.argmax(noisy, axis=-1), self.num_mixtures)
        u = keras.random.uniform(
            ops.shape(locations[..., 0]), 1e-5, 1 - 1e-5, seed=seed
        )
        noise = ops.log(u) - ops.log1p(-u)  # (batch, *size, channels)
        values: list = []
        for c in range(channels):
            (mean,) = self._means(locations, weights, values, only=c)
            mean = ops.sum(chosen * mean, axis=-1)
            log_scale = ops.sum(chosen * log_scales[..., c, :], axis=-1)
            value = mean + ops.exp(log_scale) * noise[..., c]
            values.append(ops.clip(value, -1.0, 1.0)[..., None])
        return self.to_value_range(ops.concatenate(values, axis=-1))

    def _means(self, locations, weights, values=None, only=None):
        """Component means `(batch, *size, num_mixtures)` of each channel.

        Args:
            values: list of the values of earlier channels, or None to use their
                means.
            only: int or None, the only channel to compute.
        """
        means: list = []
        channels = range(locations.shape[-2]) if only is None else [only]
        for c in channels:
            mean = locations[..., c, :]
            for earlier in range(c):
                weight = weights[..., c * (c - 1) // 2 + earlier, :]
                value = (means if values is None else values)[earlier]
                mean = mean + weight * value
            means.append(mean)
        return means

    def _channels(self, parameters):
        return self.compute_output_shape(parameters.shape)[-1]

    def _split(self, parameters, channels):
        shape = ops.shape(parameters)[:-1]
        m = self.num_mixtures
        rows = parameters.shape[-1] // m
        parameters = ops.reshape(parameters, (*shape, rows, m))
        log_scales = parameters[..., 1 + channels : 1 + 2 * channels, :]
        return (
            parameters[..., 0, :],
            parameters[..., 1 : 1 + channels, :],
            ops.maximum(log_scales, _MIN_LOG_SCALE),
            ops.tanh(parameters[..., 1 + 2 * channels :, :]),
        )


def _log_bin(x, mean, log_scale):
    """log probability of the level x in [-1, 1] under a logistic.

    The mass of a bin is

        sigmoid(upper) - sigmoid(lower)
        = sigmoid(upper) sigmoid(-lower) (1 - exp(lower - upper))

    whose logarithm does not cancel or underflow in the tails.
    """
    inverse = ops.exp(-log_scale)
    upper = (x - mean + _HALF_BIN) * inverse
    lower = (x - mean - _HALF_BIN) * inverse
    width = ops.maximum(2.0 * _HALF_BIN * inverse, 1e-30)
    first = -ops.softplus(-upper)  # log sigmoid(upper)
    last = -ops.softplus(lower)  # log sigmoid(-lower)
    inside = first + last + ops.log(-ops.expm1(-width))
    return ops.where(x < -0.999, first, ops.where(x > 0.999, last, inside))
