import keras
from keras import ops

from keras_vq.likelihoods.gaussian import Gaussian
from keras_vq.ops.mean import mean


@keras.saving.register_keras_serializable(package="keras_vq")
class MeanSquaredError(Gaussian):
    """The squared error as a likelihood: a Gaussian of variance 1/2.

    `-log p = sum((x - mean) ** 2) + constant`. With `variance` it is the error
    over that variance, which the paper of VQ-VAE trains by.

    Args:
        variance: float > 0, what the squared error is divided by. Defaults to
            1.0.
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, -1 for the lower
            end of the range and 1 for the upper end.

    Returns:
        float32 tensor `(batch, *size, channels)`, the mean.

    Example:

    >>> likelihood = keras_vq.likelihoods.MeanSquaredError()
    >>> x = np.zeros((2, 8, 8, 3))
    >>> likelihood.log_prob(x, parameters=x - 1).shape
    (2,)
    """

    def __init__(self, variance=1.0, **kwargs):
        if not variance > 0:
            raise ValueError(
                f"`variance` must be positive. Received: variance={variance}"
            )
        super().__init__(scale=(variance / 2) ** 0.5, **kwargs)
        self.variance = variance

    def loss(self, x, parameters):
        # Without the constant: zero for a perfect reconstruction.
        error = ops.square(ops.cast(x, "float32") - self(parameters))
        return mean(error) / self.variance

    def get_config(self):
        config = {**super().get_config(), "variance": self.variance}
        del config["scale"]
        return config
