import keras
from keras import ops

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class SubpixelConv(backend.LayerMixin, keras.layers.Layer):
    """Doubles each spatial axis with a convolution and a pixel shuffle.

    A convolution of width 3 computes `2 ** rank` groups of channels, which are
    interleaved to double the size of each of the `rank` spatial axes. The rank
    of the input selects the convolution.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, number of output channels.
        activation: Activation function. Defaults to None.

    Call arguments:
        inputs: float tensor `(batch, *size, channels)`, one to three spatial
            axes.

    Returns:
        float tensor `(batch, *(2 * size), filters)`.

    Example:

    >>> layer = keras_vq.layers.SubpixelConv(3)
    >>> layer(np.ones((1, 8, 8, 16))).shape
    (1, 16, 16, 3)

    References:
        Shi et al., Real-Time Single Image and Video Super-Resolution Using an
        Efficient Sub-Pixel Convolutional Neural Network, 2016, section 3.2.
    """

    def __init__(self, filters, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        rank = len(input_shape) - 2
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3,) * rank + (input_shape[-1], 2**rank * self.filters),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(2**rank * self.filters,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs):
        outputs = ops.conv(
            inputs, self.kernel, padding="same", data_format="channels_last"
        )
        outputs = self.activation(outputs + self.bias)
        size = inputs.shape[1:-1]
        rank = len(size)
        # (b, *size, 2 ** rank * f) -> (b, *size, 2, ..., 2, f)
        outputs = ops.reshape(outputs, (-1, *size, *[2] * rank, self.filters))
        # -> (b, size_0, 2, size_1, 2, ..., f) -> (b, *(2 * size), f)
        order = [i for axis in range(1, rank + 1) for i in (axis, axis + rank)]
        outputs = ops.transpose(outputs, (0, *order, 2 * rank + 1))
        return ops.reshape(outputs, (-1, *(2 * n for n in size), self.filters))

    def compute_output_shape(self, input_shape):
        size = (None if n is None else 2 * n for n in input_shape[1:-1])
        return (input_shape[0], *size, self.filters)
