import math

import keras
from keras import ops

from keras_vq import backend
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable

# Number of levels of 8-bit values.
LEVELS = 256


@serializable
class Likelihood(backend.LayerMixin, keras.layers.Layer):
    """Base class for likelihoods p(x | z), parameterized by a decoder.

    A decoder outputs `num_parameters(channels)` numbers per position, and the
    likelihood defines their meaning. Values are in `value_range`. Locations are
    in the network range, where -1 is the lower end of the value range and 1 the
    upper end.

    A subclass defines `num_parameters(channels)`, `log_probs(x, parameters)`,
    `mean(parameters)` and `sample(parameters, seed)`. `is_discrete` is True for
    probabilities of the 256 levels and False for densities.

    Args:
        value_range: pair of float, lowest and highest value. Defaults to
            `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, num_parameters(channels))`.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.
    """

    is_discrete = False
    # False if `loss` is not a normalized negative log-likelihood.
    is_normalized = True

    def __init__(self, value_range=(0.0, 1.0), **kwargs):
        super().__init__(autocast=False, **kwargs)
        try:
            low, high = map(float, value_range)
        except (TypeError, ValueError):
            low = high = 0.0
        if not low < high < math.inf:
            raise ValueError(
                "`value_range` must be two numbers, the lower one first. "
                f"Received: value_range={value_range}"
            )
        self.value_range = (low, high)

    def num_parameters(self, channels):
        """Number of parameters per position with `channels` values."""
        raise NotImplementedError

    def log_probs(self, x, parameters):
        """log p of each value, in nats.

        Args:
            x: float32 tensor `(batch, *size, channels)` in `value_range`.
            parameters: float32 tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 tensor `(batch, *size, channels)`, or without the last axis
            if channels depend on each other.
        """
        raise NotImplementedError

    def mean(self, parameters):
        """Mean of each value, or the paper's reconstruction if it differs.

        Args:
            parameters: float tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 tensor `(batch, *size, channels)` in `value_range`.
        """
        raise NotImplementedError

    def sample(self, parameters, seed=None):
        """Sample each value.

        Args:
            parameters: float tensor `(batch, *size, num_parameters)`.
            seed: int, `keras.random.SeedGenerator` or None. Defaults to None.

        Returns:
            float32 tensor `(batch, *size, channels)` in `value_range`.
        """
        raise NotImplementedError

    def log_prob(self, x, parameters):
        """log p(x | z) of each example, in nats.

        Args:
            x: float tensor `(batch, *size, channels)` in `value_range`.
            parameters: float tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 tensor `(batch,)`, the sum over all values. Densities are
            with respect to values in `value_range`.
        """
        x = ops.cast(ops.convert_to_tensor(x), "float32")
        log_probs = self.log_probs(x, _float32(parameters))
        return ops.sum(log_probs, axis=tuple(range(1, len(log_probs.shape))))

    def loss(self, x, parameters):
        """Negative log-likelihood in nats per value, the loss of a model.

        Args:
            x: float tensor `(batch, *size, channels)` in `value_range`.
            parameters: float tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 scalar, mean over values and batch of `-log p`.
        """
        num_values = math.prod(x.shape[1:])
        return -masked_mean(self.log_prob(x, parameters)) / num_values

    def bits_per_dim(self, nats, num_values):
        """Negative log-likelihood in bits per 8-bit value.

        Args:
            nats: float or tensor, negative log-likelihood of an example.
            num_values: int, number of values of an example.

        Returns:
            `nats / (num_values * ln 2)`. Densities are first multiplied by the
            distance between levels, which approximates level probabilities.
        """
        low, high = self.value_range
        if not self.is_discrete:
            nats = nats - num_values * ops.log((high - low) / (LEVELS - 1))
        return nats / (num_values * ops.log(2.0))

    def call(self, parameters):
        return self.mean(_float32(parameters))

    def compute_output_shape(self, input_shape):
        channels = next(
            c
            for c in range(1, input_shape[-1] + 1)
            if self.num_parameters(c) == input_shape[-1]
        )
        return (*input_shape[:-1], channels)

    def to_value_range(self, x):
        """Map from the network range [-1, 1] to `value_range`."""
        low, high = self.value_range
        return low + (x + 1.0) * (0.5 * (high - low))

    def to_network_range(self, x):
        """Map from `value_range` to the network range [-1, 1]."""
        low, high = self.value_range
        return (x - low) * (2.0 / (high - low)) - 1.0


def _float32(parameters):
    return ops.cast(ops.convert_to_tensor(parameters), "float32")


def to_levels(x):
    """Map from [-1, 1] to the nearest level, int32 in [0, 255]."""
    x = ops.clip(ops.round((x + 1.0) * (0.5 * (LEVELS - 1))), 0, LEVELS - 1)
    return ops.cast(x, "int32")


def from_levels(levels):
    """Map from levels in [0, 255] to [-1, 1]."""
    return ops.cast(levels, "float32") * (2.0 / (LEVELS - 1)) - 1.0
