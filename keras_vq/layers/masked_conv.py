import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vq")
class MaskedConv(keras.layers.Layer):
    """A convolution that sees only what comes before in raster order.

    The kernel is multiplied by a mask: 1 for positions before the middle, 0
    for those after it, and at the middle 0 for type A, 1 for type B. A first
    layer of type A and others of type B make outputs that depend on earlier
    inputs only; to the right above they leave a blind spot, which
    `GatedMaskedConv` has not. The rank of the input selects the dimensions.

    Args:
        filters: int, number of output channels.
        kernel_size: int, odd, along each spatial axis.
        mask_type: `"A"` or `"B"`. Defaults to `"B"`.
        activation: Activation function. Defaults to None.

    Call arguments:
        inputs: float tensor `(batch, *size, channels)`, one to three spatial
            axes.

    Returns:
        float tensor `(batch, *size, filters)`.

    Raises:
        ValueError: If `kernel_size` is even or `mask_type` is unknown.

    Example:

    >>> layer = keras_vq.layers.MaskedConv(16, 7, mask_type="A")
    >>> layer(np.ones((1, 8, 8, 4))).shape
    (1, 8, 8, 16)

    References:
        van den Oord et al., Pixel Recurrent Neural Networks, 2016, section
        3.4.
    """

    def __init__(
        self, filters, kernel_size, mask_type="B", activation=None, **kwargs
    ):
        super().__init__(**kwargs)
        check_mask(kernel_size, mask_type)
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        rank = len(input_shape) - 2
        size = (self.kernel_size,) * rank
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*size, input_shape[-1], self.filters),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        number = self.kernel_size**rank
        seen = np.arange(number) < number // 2 + (self.mask_type == "B")
        self.mask = seen.reshape(*size, 1, 1).astype("float32")
        self.built = True

    def call(self, inputs):
        kernel = self.kernel * ops.cast(self.mask, self.compute_dtype)
        outputs = ops.conv(
            inputs, kernel, padding="same", data_format="channels_last"
        )
        return self.activation(outputs + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "activation": keras.activations.serialize(self.activation),
        }


def check_mask(kernel_size, mask_type):
    """Raise unless there is such a mask."""
    if mask_type not in ("A", "B"):
        raise ValueError(
            f"`mask_type` must be 'A' or 'B'. Received: mask_type={mask_type!r}"
        )
    least = 3 if mask_type == "A" else 1
    if (
        not isinstance(kernel_size, int)
        or kernel_size < least
        or kernel_size % 2 == 0
    ):
        raise ValueError(
            f"`kernel_size` must be an odd integer, at least {least} for mask "
            f"{mask_type}. Received: kernel_size={kernel_size!r}"
        )
