from keras import ops

from keras_vq import backend
from keras_vq.checks import MAX_KERNEL
from keras_vq.checks import check_int
from keras_vq.layers.streaming_layer import StreamingLayer
from keras_vq.ops.dense import dense
from keras_vq.saving.config import serializable


@serializable
class CausalConv1D(StreamingLayer):
    """Causal dilated convolution over time.

    The output at `t` depends on `kernel_size` inputs, at `t`, `t - d`,
    `t - 2 d` and so on; with strides, on the inputs that it stands for and on
    those before. `stream` computes the outputs of a chunk of inputs, given the
    last ones before it. During generation, `step` computes the output at one
    position from a ring buffer of earlier inputs, at a cost that does not
    depend on the dilation.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, number of output channels.
        kernel_size: int >= 1. Defaults to 2.
        dilation: int >= 1, the paper's d. Defaults to 1.
        strides: int >= 1, up to `kernel_size`; above 1 only without dilation.
            Defaults to 1.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.

    Returns:
        float tensor `(batch, length / strides, filters)`.

    Raises:
        ValueError: If a size is not a positive integer, or the strides do not
            fit.

    Example:

    >>> layer = keras_vq.layers.CausalConv1D(16, kernel_size=2, dilation=4)
    >>> layer(np.ones((2, 10, 8))).shape
    (2, 10, 16)

    References:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016,
        section 2.1.
    """

    def __init__(self, filters, kernel_size=2, dilation=1, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = check_int("filters", filters)
        self.kernel_size = check_int(
            "kernel_size", kernel_size, maximum=MAX_KERNEL
        )
        self.dilation = check_int("dilation", dilation)
        self.strides = check_int("strides", strides, maximum=self.kernel_size)
        if self.strides > 1 and self.dilation > 1:
            raise ValueError(
                "A convolution has strides or a dilation, not both. Received: "
                f"strides={strides} and dilation={dilation}"
            )

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, input_shape[-1], self.filters),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs):
        before = (self.num_before, 0)
        return self._convolved(ops.pad(inputs, [(0, 0), before, (0, 0)]))

    @property
    def num_before(self):
        """int, inputs before its own that the first output depends on."""
        return (self.kernel_size - 1) * self.dilation + 1 - self.strides

    def initial_context(self, batch_size):
        shape = (batch_size, self.num_before, self.kernel.shape[1])
        return ops.zeros(shape, self.compute_dtype)

    def stream(self, inputs, context):
        length = inputs.shape[1]
        if length is not None and length % self.strides:
            raise ValueError(
                f"The length of a chunk must be a multiple of {self.strides}, "
                f"the strides. Received: inputs.shape={tuple(inputs.shape)}"
            )
        inputs = ops.concatenate(
            [context, ops.cast(inputs, context.dtype)], axis=1
        )
        start = inputs.shape[1] - self.num_before
        return self._convolved(inputs), inputs[:, start:]

    def _convolved(self, inputs):
        outputs = ops.conv(
            inputs,
            ops.cast(self.kernel, inputs.dtype),
            strides=self.strides,
            padding="valid",
            dilation_rate=self.dilation,
            data_format="channels_last",
        )
        return outputs + ops.cast(self.bias, outputs.dtype)

    def initial_cache(self, batch_size):
        """Zeros, for the inputs before the first position.

        Args:
            batch_size: int or int tensor.

        Returns:
            float32 tensor `(batch, reach, channels)`.
        """
        reach = (self.kernel_size - 1) * self.dilation + 1
        return ops.zeros((batch_size, reach, self.kernel.shape[1]), "float32")

    def step(self, x, cache, position):
        """Compute the output at one position.

        Args:
            x: float32 tensor `(batch, channels)`, the input at that position.
            cache: Output of `initial_cache`, or of this method at the previous
                position.
            position: int or int tensor.

        Returns:
            `outputs, cache`: the output `(batch, filters)` and the cache for
            the next position.
        """
        reach = cache.shape[1]
        cache = backend.write(cache, position % reach, x)
        outputs = dense(x, self.kernel[-1], self.bias)
        for tap in range(1, self.kernel_size):
            earlier = (position + reach - tap * self.dilation) % reach
            outputs += dense(cache[:, earlier], self.kernel[-1 - tap])
        return outputs, cache

    def compute_output_shape(self, input_shape):
        batch, length, _ = input_shape
        if length is not None:
            length //= self.strides
        return (batch, length, self.filters)
