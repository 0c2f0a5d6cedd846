from keras import ops

from keras_vq.likelihoods.laplace import Laplace
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable


@serializable
class MeanAbsoluteError(Laplace):
    """Absolute error in the network range, as a likelihood.

    `-log p = sum(|x - location|) + constant`, with x and location in [-1, 1].
    This is the reconstruction loss of VQGAN.

    Args:
        value_range: pair of float. Defaults to `(0.0, 1.0)`.

    Call arguments:
        parameters: float tensor `(batch, *size, channels)`, -1 for the lower
            end of the range and 1 for the upper end.

    Returns:
        float32 tensor `(batch, *size, channels)`, the location.

    Example:

    >>> likelihood = keras_vq.likelihoods.MeanAbsoluteError()
    >>> x = np.zeros((2, 8, 8, 3))
    >>> float(likelihood.loss(x, parameters=x))
    1.0

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.1.
    """

    is_normalized = False

    def __init__(self, value_range=(0.0, 1.0), **kwargs):
        low, high = value_range
        super().__init__(
            scale=(high - low) / 2, value_range=value_range, **kwargs
        )

    def loss(self, x, parameters):
        # Without the constant: 0 for a perfect reconstruction.
        x = self.to_network_range(ops.cast(x, "float32"))
        return masked_mean(ops.abs(x - ops.cast(parameters, "float32")))
