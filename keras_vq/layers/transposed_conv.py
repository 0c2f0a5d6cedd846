import keras
from keras import ops

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class TransposedConv(backend.LayerMixin, keras.layers.Layer):
    """Doubles each spatial axis with a transposed convolution of width 4.

    This is the upsampling layer of the VQ-VAE decoder, for audio, images or
    video: the rank of the input selects the convolution. It is equivalent to
    Keras's `Conv{1,2,3}DTranspose(filters, 4, strides=2, padding="same")`, but
    uses the fastest implementation on each backend.

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

    >>> layer = keras_vq.layers.TransposedConv(3)
    >>> layer(np.ones((1, 8, 8, 16))).shape
    (1, 16, 16, 3)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 4.1.
    """

    def __init__(self, filters, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        rank = len(input_shape) - 2
        self.kernel = self.add_weight(
            name="kernel",
            shape=(4,) * rank + (self.filters, input_shape[-1]),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        outputs = backend.conv_transpose(inputs, kernel)
        return self.activation(outputs + self.bias)

    def compute_output_shape(self, input_shape):
        size = (None if n is None else 2 * n for n in input_shape[1:-1])
        return (input_shape[0], *size, self.filters)
