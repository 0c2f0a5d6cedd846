import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import MAX_KERNEL
from keras_vq.checks import check_choice
from keras_vq.checks import check_int
from keras_vq.saving.config import serializable


@serializable
class MaskedConv(backend.LayerMixin, keras.layers.Layer):
    """Convolution that only sees earlier positions in raster order.

    The kernel is multiplied by a mask: 1 before the center, 0 after it, and at
    the center 0 for type A and 1 for type B. In a stack with a first layer of
    type A and further layers of type B, outputs only depend on earlier inputs.
    Such a stack has a blind spot to the upper right, which `GatedMaskedConv`
    avoids. The rank of the input selects the convolution.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, number of output channels.
        kernel_size: odd int, size along each spatial axis.
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
        count = self.kernel_size**rank
        visible = np.arange(count) < count // 2 + (self.mask_type == "B")
        self.mask = visible.reshape(*size, 1, 1).astype("float32")
        self.built = True

    def call(self, inputs):
        kernel = self.kernel * ops.cast(self.mask, self.compute_dtype)
        outputs = ops.conv(
            inputs, kernel, padding="same", data_format="channels_last"
        )
        return self.activation(outputs + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)


def check_mask(kernel_size, mask_type):
    """Raise unless kernel size and mask type are valid."""
    check_choice("mask_type", mask_type, ("A", "B"))
    minimum = 3 if mask_type == "A" else 1
    if check_int("kernel_size", kernel_size, minimum, MAX_KERNEL) % 2 == 0:
        raise ValueError(
            f"`kernel_size` must be odd. Received: kernel_size={kernel_size!r}"
        )
