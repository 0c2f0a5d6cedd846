import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.saving.config import serializable


@serializable
class Attention(backend.LayerMixin, keras.layers.Layer):
    """Multi-head attention to the vectors of a context.

    Args:
        num_heads: int >= 1; must divide the channels of the inputs.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`, the queries.
        context: float tensor `(batch, context_length, context_channels)`.

    Returns:
        float tensor `(batch, length, channels)`.

    Raises:
        ValueError: If `num_heads` does not divide the channels.

    Example:

    >>> layer = keras_vq.layers.Attention(num_heads=4)
    >>> layer(np.ones((2, 10, 32)), np.ones((2, 7, 16))).shape
    (2, 10, 32)

    References:
        Vaswani et al., Attention Is All You Need, 2017, section 3.2.2.
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = check_int("num_heads", num_heads)

    def build(self, inputs_shape, context_shape):
        channels, dtype = inputs_shape[-1], self.dtype_policy
        if channels % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the number of channels. Received: "
                f"num_heads={self.num_heads} and {channels} channels"
            )
        self.query = keras.layers.Dense(channels, dtype=dtype)
        self.key_value = keras.layers.Dense(2 * channels, dtype=dtype)
        self.outputs = keras.layers.Dense(channels, dtype=dtype)
        self.query.build(inputs_shape)
        self.key_value.build(context_shape)
        self.outputs.build(inputs_shape)
        self.built = True

    def call(self, inputs, context):
        channels = inputs.shape[-1]
        head_dim = channels // self.num_heads

        def by_head(x):
            return ops.reshape(x, (-1, x.shape[1], self.num_heads, head_dim))

        key, value = ops.split(self.key_value(context), 2, axis=-1)
        heads = backend.attention(
            by_head(self.query(inputs)), by_head(key), by_head(value)
        )
        return self.outputs(ops.reshape(heads, (-1, *inputs.shape[1:])))

    def compute_output_shape(self, inputs_shape, context_shape):
        return inputs_shape
