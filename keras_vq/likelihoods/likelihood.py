import math

import keras
from keras import ops

from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable

# Values of an 8-bit file.
LEVELS = 256


@serializable
class Likelihood(keras.layers.Layer):
    """Base of the distributions p(x | z) that a decoder parameterizes.

    A decoder outputs `num_parameters(channels)` numbers per position; a
    likelihood defines their meaning. Values are in `value_range`; parameters
    are in the range of networks, where a location of -1 is the lower end of
    the value range and 1 the upper end.

    A subclass defines `num_parameters(channels)`, `log_probs(x, parameters)`,
    `mean(parameters)` and `sample(parameters, seed)`. `is_discrete`
    distinguishes probabilities of the 256 levels from densities.

    Args:
        value_range: pair of float, lowest and highest value. Defaults to
            `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, num_parameters(channels))`.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.
    """

    is_discrete = False
    # False if the scale of `loss` is a convention and not a likelihood.
    is_normalized = True

    def __init__(self, value_range=(0.0, 1.0), **kwargs):
        super().__init__(autocast=False, **kwargs)
        low, high = (float(value) for value in value_range)
        if not low < high:
            raise ValueError(
                "`value_range` must be two numbers, the lower one first. "
                f"Received: value_range={value_range}"
            )
        self.value_range = (low, high)

    def num_parameters(self, channels):
        """int, parameters of a position with `channels` values."""
        raise NotImplementedError

    def log_probs(self, x, parameters):
        """log p of each value, in nats, not summed.

        Args:
            x: float32 tensor `(batch, *size, channels)` in `value_range`.
            parameters: float32 tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 tensor `(batch, *size, channels)`, or without the last axis
            if channels depend on each other.
        """
        raise NotImplementedError

    def mean(self, parameters):
        """The mean, or the paper's reconstruction if that differs.

        Args:
            parameters: float tensor `(batch, *size, num_parameters)`.

        Returns:
            float32 tensor `(batch, *size, channels)` in `value_range`.
        """
        raise NotImplementedError

    def sample(self, parameters, seed=None):
        """A draw of each value.

        Args:
            parameters: float tensor `(batch, *size, num_parameters)`.
            seed: int or `keras.random.SeedGenerator`. Defaults to None.

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
            float32 tensor `(batch,)`, the sum over all values; a density is
            one over `value_range`.
        """
        x = ops.cast(ops.convert_to_tensor(x), "float32")
        log_probs = self.log_probs(x, _float32(parameters))
        return ops.sum(log_probs, axis=tuple(range(1, len(log_probs.shape))))

    def loss(self, x, parameters):
        """The loss of a model: nats per value, a scalar.

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
            num_values: int, values of an example.

        Returns:
            `nats / (num_values * ln 2)`. A density is first multiplied by the
            distance of two levels, its probability of a level if it is smooth.
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
        """From [-1, 1], the range of networks, to `value_range`."""
        low, high = self.value_range
        return low + (x + 1.0) * (0.5 * (high - low))

    def to_network_range(self, x):
        """From `value_range` to [-1, 1], the range of networks."""
        low, high = self.value_range
        return (x - low) * (2.0 / (high - low)) - 1.0


def _float32(parameters):
    return ops.cast(ops.convert_to_tensor(parameters), "float32")


def to_levels(x):
    """From [-1, 1] to the nearest level, int32 in [0, 255]."""
    x = ops.clip(ops.round((x + 1.0) * (0.5 * (LEVELS - 1))), 0, LEVELS - 1)
    return ops.cast(x, "int32")


def from_levels(levels):
    """From levels in [0, 255] to [-1, 1]."""
    return ops.cast(levels, "float32") * (2.0 / (LEVELS - 1)) - 1.0
