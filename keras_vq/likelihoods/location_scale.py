import math

import keras
from keras import ops

from keras_vq.checks import check_number
from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.saving.config import serializable


@serializable
class LocationScale(Likelihood):
    """Base class for densities with a location per value and a shared scale.

    Args:
        scale: float > 0, scale in units of `value_range`, or `"learned"` for
            one trainable scale per channel. Defaults to `"learned"`.
        **kwargs: Keyword arguments of `Likelihood`.
    """

    def __init__(self, scale="learned", **kwargs):
        super().__init__(**kwargs)
        if scale != "learned":
            if isinstance(scale, str):
                raise ValueError(
                    '`scale` must be a positive number or "learned". '
                    f"Received: scale={scale!r}"
                )
            scale = check_number("scale", scale, above=0)
        self.scale = scale

    def build(self, input_shape):
        if self.scale == "learned":
            low, high = self.value_range
            self.log_scale_weight = self.add_weight(
                name="log_scale",
                shape=(input_shape[-1],),
                initializer=keras.initializers.Constant(
                    math.log(0.25 * (high - low))
                ),
                dtype="float32",
                autocast=False,
            )
        self.built = True

    def num_parameters(self, channels):
        return channels

    @property
    def log_scale(self):
        """Logarithm of the scale: a number, or a tensor `(channels,)`."""
        if self.scale != "learned":
            return math.log(self.scale)
        return ops.clip(ops.convert_to_tensor(self.log_scale_weight), -15, 10)

    def mean(self, parameters):
        return self.to_value_range(parameters)

    def standardized(self, x, parameters):
        """Distance from the location, in units of the scale."""
        distance = x - self.to_value_range(parameters)
        return distance * ops.exp(-ops.cast(self.log_scale, "float32"))
