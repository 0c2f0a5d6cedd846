import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.ops.dense import dense
from keras_vq.ops.rotary import apply_rotary
from keras_vq.ops.rotary import rotary_angles
from keras_vq.saving.config import serializable


@serializable
class CausalSelfAttention(backend.LayerMixin, keras.layers.Layer):
    """Causal multi-head self-attention.

    During generation, `step` computes the output at one position from a cache
    of keys and values.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        num_heads: int >= 1; must divide the number of input channels.
        dropout: float in [0, 1), dropout rate of the outputs. Defaults to 0.0.
        rotary_shape: tuple of int or None, shape of the grid whose positions in
            raster order form the sequence, for rotary position embeddings along
            each axis. None disables position embeddings. Defaults to None.
        prefix_shape: tuple of int or None, shape of the grid of a prefix before
            these positions, with the same number of axes. Its coordinates are
            scaled so that the corners of both grids coincide. Defaults to
            None.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, length, channels)`.

    Raises:
        ValueError: If the channels cannot be divided into heads and axes.

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
        self.num_heads = check_int("num_heads", num_heads)
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)
        self.rotary_shape = _tuple_or_none(rotary_shape)
        self.prefix_shape = _tuple_or_none(prefix_shape)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the number of channels. Received: "
                f"num_heads={self.num_heads} and {channels} channels"
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
            grid = _coordinates(self.rotary_shape, self.rotary_shape)
            if self.prefix_shape is not None:
                prefix = _coordinates(self.prefix_shape, self.rotary_shape)
                grid = np.concatenate([prefix, grid])
            self.angles = rotary_angles(grid, channels // self.num_heads)
        self.built = True

    def call(self, inputs, training=False):
        outputs, _ = self._attend(inputs)
        return self.drop(outputs, training=training)

    def start(self, inputs, length):
        """Compute the outputs at the first m positions in parallel.

        Args:
            inputs: float32 tensor `(batch, m, channels)`.
            length: int, length of the whole sequence.

        Returns:
            `outputs, cache`: the outputs of `call`, and the cache for `step` at
            position m.
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
        outputs = backend.attention(query, key, value, is_causal=True)
        return self._merge_heads(outputs, inputs), (key, value)

    def initial_cache(self, batch_size, length):
        """Create an empty cache of keys and values.

        Args:
            batch_size: int or int tensor.
            length: int, length of the whole sequence.

        Returns:
            Two float32 tensors `(batch * num_heads, length, head_dim)` of
            zeros, in the layout for products with a single query.
        """
        head_dim = self.output_kernel.shape[0] // self.num_heads
        shape = (batch_size * self.num_heads, length, head_dim)
        return ops.zeros(shape, "float32"), ops.zeros(shape, "float32")

    def step(self, x, cache, position):
        """Compute the output at one position.

        Args:
            x: float32 tensor `(batch, channels)`, the input at that position.
            cache: Output of `initial_cache`, of `start`, or of this method at
                the previous position.
            position: int or int tensor.

        Returns:
            `outputs, cache`: the output `(batch, channels)` and the cache for
            the next position.
        """
        angles = None
        if self.angles is not None:
            angles = ops.convert_to_tensor(self.angles)[position]
        query, key, value = (
            self._by_head(part) for part in self._heads(x[:, None], angles)
        )
        keys = backend.write(cache[0], position, key[:, 0])
        values = backend.write(cache[1], position, value[:, 0])
        # For a single query, matrix products are faster than the native
        # attention of each backend.
        scores = ops.matmul(query, ops.swapaxes(keys, 1, 2))
        visible = ops.arange(keys.shape[1]) <= position
        scores = ops.where(visible, scores / query.shape[-1] ** 0.5, -1e30)
        outputs = ops.matmul(ops.softmax(scores, axis=-1), values)
        return self._merge_heads(outputs, x), (keys, values)

    def _by_head(self, x):
        """Reshape `(batch, m, heads, dim)` to `(batch * heads, m, dim)`."""
        x = ops.swapaxes(x, 1, 2)
        return ops.reshape(x, (-1, *x.shape[2:]))

    def _heads(self, x, angles):
        """Queries, keys and values `(batch, length, num_heads, head_dim)`."""
        head_dim = x.shape[-1] // self.num_heads
        shape = (-1, x.shape[1], self.num_heads, head_dim)
        x = dense(x, self.qkv_kernel, self.qkv_bias)
        query, key, value = (
            ops.reshape(part, shape) for part in ops.split(x, 3, axis=-1)
        )
        if angles is not None:
            query = apply_rotary(query, angles)
            key = apply_rotary(key, angles)
        return query, key, value

    def _merge_heads(self, heads, like):
        shape = (-1, *like.shape[1:])
        heads = ops.reshape(heads, shape)
        return dense(heads, self.output_kernel, self.output_bias)

    def compute_output_shape(self, input_shape):
        return input_shape


def _tuple_or_none(shape):
    return None if shape is None else tuple(shape)


def _coordinates(shape, like):
    """Coordinates of a grid in raster order, scaled to the grid `like`."""
    axes = [np.linspace(0, m - 1, n) for n, m in zip(shape, like, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return grid.reshape(-1, len(axes))
