import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.ops.rotary import rotary_angles
from keras_vq.ops.rotary import rotate


@keras.saving.register_keras_serializable(package="keras_vq")
class CausalSelfAttention(keras.layers.Layer):
    """Self-attention of each position to itself and those before it.

    `step` does the same for one position of a sequence that is being drawn,
    from a cache of keys and values.

    Args:
        num_heads: int >= 1; divides the channels of the inputs.
        dropout: float in [0, 1), of the outputs. Defaults to 0.0.
        rotary_shape: tuple of int or None, the grid whose positions in raster
            order the sequence is, for queries and keys that turn by where they
            are along each axis; None for attention that does not know where.
            Defaults to None.
        prefix_shape: tuple of int or None, the grid of what precedes those
            positions, of as many axes; its places are spread over theirs, so
            that the corners of both turn alike. Defaults to None.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, length, channels)`.

    Raises:
        ValueError: If the channels cannot be shared out among heads and axes.

    Example:

    >>> layer = keras_vq.layers.CausalSelfAttention(4, rotary_shape=(3, 5))
    >>> layer(np.ones((2, 15, 32))).shape
    (2, 15, 32)

    References:
        Vaswani et al., Attention Is All You Need, 2017, section 3.2.
        Su et al., RoFormer: Enhanced Transformer with Rotary Position
        Embedding, 2021, section 3.2.
    """

    def __init__(
        self,
        num_heads,
        dropout=0.0,
        rotary_shape=None,
        prefix_shape=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.rotary_shape = _tuple_or_none(rotary_shape)
        self.prefix_shape = _tuple_or_none(prefix_shape)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the channels. Received: num_heads="
                f"{self.num_heads} and {channels} channels"
            )

        def weight(name, *shape, initializer="zeros"):
            return self.add_weight(
                name=name, shape=shape, initializer=initializer
            )

        glorot = keras.initializers.GlorotUniform
        self.qkv_kernel = weight(
            "qkv_kernel", channels, 3 * channels, initializer=glorot()
        )
        self.qkv_bias = weight("qkv_bias", 3 * channels)
        self.output_kernel = weight(
            "output_kernel", channels, channels, initializer=glorot()
        )
        self.output_bias = weight("output_bias", channels)
        self.angles = None
        if self.rotary_shape is not None:
            places = _grid(self.rotary_shape, self.rotary_shape)
            if self.prefix_shape is not None:
                prefix = _grid(self.prefix_shape, self.rotary_shape)
                places = np.concatenate([prefix, places])
            self.angles = rotary_angles(places, channels // self.num_heads)
        self.built = True

    def call(self, inputs, training=False):
        outputs, _ = self._attend(inputs)
        return self.drop(outputs, training=training)

    def start(self, inputs, length):
        """The outputs at the first positions, all at once.

        Args:
            inputs: float32 tensor `(batch, m, channels)`, the inputs there.
            length: int, of the sequence to be drawn.

        Returns:
            `outputs, cache`, as `call` and for `step` from there on.
        """
        outputs, cache = self._attend(inputs)
        later = [[0, 0], [0, length - inputs.shape[1]], [0, 0]]
        return outputs, tuple(
            ops.pad(self._by_head(part), later) for part in cache
        )

    def _attend(self, inputs):
        length = inputs.shape[1]
        angles = None if self.angles is None else self.angles[:length, None]
        query, key, value = self._heads(inputs, angles)
        outputs = ops.dot_product_attention(query, key, value, is_causal=True)
        return self._joined(outputs, inputs), (key, value)

    def initial_cache(self, batch_size, length):
        """Keys and values of no position yet: zeros.

        Args:
            batch_size: int or int tensor.
            length: int, of the sequence to be drawn.

        Returns:
            Two float32 tensors `(batch * num_heads, length, head_dim)`, in the
            layout that products with one query need.
        """
        head_dim = self.output_kernel.shape[0] // self.num_heads
        shape = (batch_size * self.num_heads, length, head_dim)
        return ops.zeros(shape), ops.zeros(shape)

    def step(self, x, cache, position):
        """The outputs at a position.

        Args:
            x: float32 tensor `(batch, channels)`, the inputs there.
            cache: What `initial_cache` or this method for the position before
                returned.
            position: int or int tensor.

        Returns:
            `outputs, cache`, outputs `(batch, channels)`.
        """
        angles = None
        if self.angles is not None:
            angles = ops.convert_to_tensor(self.angles)[position]
        query, key, value = (
            self._by_head(part) for part in self._heads(x[:, None], angles)
        )
        keys = backend.write(cache[0], position, key[:, 0])
        values = backend.write(cache[1], position, value[:, 0])
        # Products with one query: on each backend faster than what it has for
        # attention of many.
        scores = ops.matmul(query, ops.swapaxes(keys, 1, 2))
        seen = ops.arange(keys.shape[1]) <= position
        scores = ops.where(seen, scores / query.shape[-1] ** 0.5, -1e30)
        outputs = ops.matmul(ops.softmax(scores, axis=-1), values)
        return self._joined(outputs, x), (keys, values)

    def _by_head(self, x):
        """`(batch, m, heads, dim)` to `(batch * heads, m, dim)`."""
        x = ops.swapaxes(x, 1, 2)
        return ops.reshape(x, (-1, *x.shape[2:]))

    def _heads(self, x, angles):
        """Queries, keys and values, `(batch, length, num_heads, head_dim)`."""
        head_dim = x.shape[-1] // self.num_heads
        shape = (-1, x.shape[1], self.num_heads, head_dim)
        x = ops.matmul(x, self.qkv_kernel) + self.qkv_bias
        query, key, value = (
            ops.reshape(part, shape) for part in ops.split(x, 3, axis=-1)
        )
        if angles is not None:
            query, key = rotate(query, angles), rotate(key, angles)
        return query, key, value

    def _joined(self, heads, like):
        shape = (-1, *like.shape[1:])
        return (
            ops.matmul(ops.reshape(heads, shape), self.output_kernel)
            + self.output_bias
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "rotary_shape": self.rotary_shape,
            "prefix_shape": self.prefix_shape,
        }


def _tuple_or_none(shape):
    return None if shape is None else tuple(shape)


def _grid(shape, like):
    """Places of a grid in raster order, spread over that of shape `like`."""
    axes = [np.linspace(0, m - 1, n) for n, m in zip(shape, like, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return grid.reshape(-1, len(axes))
