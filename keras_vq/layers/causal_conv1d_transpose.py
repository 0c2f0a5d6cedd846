from keras import ops

from keras_vq.checks import check_int
from keras_vq.layers.streaming_layer import StreamingLayer
from keras_vq.saving.config import serializable


@serializable
class CausalConv1DTranspose(StreamingLayer):
    """Causal transposed convolution over time, for upsampling.

    Each input adds `2 * strides` outputs, its own and the next ones: an output
    depends on the input it belongs to and on the one before. `stream` computes
    the outputs of a chunk of inputs, given the last one before it.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, number of output channels.
        strides: int >= 1, outputs per input.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.

    Returns:
        float tensor `(batch, length * strides, filters)`.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> layer = keras_vq.layers.CausalConv1DTranspose(16, strides=4)
    >>> layer(np.ones((2, 10, 8))).shape
    (2, 40, 16)

    References:
        Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021,
        section III-B.
    """

    def __init__(self, filters, strides, **kwargs):
        super().__init__(**kwargs)
        self.filters = check_int("filters", filters)
        self.strides = check_int("strides", strides)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(2 * self.strides, self.filters, input_shape[-1]),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs):
        return self._upsampled(inputs)[:, : -self.strides] + self.bias

    def initial_context(self, batch_size):
        shape = (batch_size, 1, self.kernel.shape[-1])
        return ops.zeros(shape, self.compute_dtype)

    def stream(self, inputs, context):
        inputs = ops.concatenate(
            [context, ops.cast(inputs, context.dtype)], axis=1
        )
        outputs = self._upsampled(inputs)[:, self.strides : -self.strides]
        bias = ops.cast(self.bias, outputs.dtype)
        return outputs + bias, inputs[:, -1:]

    def _upsampled(self, inputs):
        return ops.conv_transpose(
            inputs,
            ops.cast(self.kernel, inputs.dtype),
            strides=self.strides,
            padding="valid",
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape):
        batch, length, _ = input_shape
        if length is not None:
            length *= self.strides
        return (batch, length, self.filters)
