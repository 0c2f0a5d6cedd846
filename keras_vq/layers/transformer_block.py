import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.layers.causal_self_attention import CausalSelfAttention
from keras_vq.saving.config import serializable


@serializable
class TransformerBlock(backend.LayerMixin, keras.layers.Layer):
    """Pre-norm Transformer block with causal self-attention.

    Computes `x + attention(norm(x))`, then `x + mlp(norm(x))`, with layer
    normalization before each sublayer as in GPT-2.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        num_heads: int >= 1; must divide the number of input channels.
        intermediate_dim: int >= 1, width of the hidden layer.
        dropout: float in [0, 1), dropout rate of the sublayer outputs. Defaults
            to 0.0.
        rotary_shape: tuple of int or None; see `CausalSelfAttention`. Defaults
            to None.
        prefix_shape: tuple of int or None; see `CausalSelfAttention`. Defaults
            to None.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, length, channels)`.

    Example:

    >>> layer = keras_vq.layers.TransformerBlock(4, 64)
    >>> layer(np.ones((2, 15, 32))).shape
    (2, 15, 32)

    References:
        Radford et al., Language Models are Unsupervised Multitask Learners,
        2019, section 2.3.
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        dropout=0.0,
        rotary_shape=None,
        prefix_shape=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = check_int("intermediate_dim", intermediate_dim)
        self.dropout = dropout
        dtype = self.dtype_policy
        self.attention = CausalSelfAttention(
            num_heads, dropout, rotary_shape, prefix_shape, dtype=dtype
        )
        self.rotary_shape = self.attention.rotary_shape
        self.prefix_shape = self.attention.prefix_shape
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype)
            for _ in range(2)
        ]
        self.hidden = keras.layers.Dense(intermediate_dim, dtype=dtype)
        self.drop = keras.layers.Dropout(dropout, dtype=dtype)

    def build(self, input_shape):
        self.outputs = keras.layers.Dense(
            input_shape[-1], dtype=self.dtype_policy
        )
        for layer in (self.attention, *self.norms, self.hidden):
            layer.build(input_shape)
        self.outputs.build((*input_shape[:-1], self.intermediate_dim))
        self.built = True

    def call(self, inputs, training=False):
        x = self.norms[0](inputs)
        x = inputs + self.attention(x, training=training)
        return x + self.drop(self._mlp(x), training=training)

    def initial_cache(self, batch_size, length):
        """See `CausalSelfAttention.initial_cache`."""
        return self.attention.initial_cache(batch_size, length)

    def start(self, inputs, length):
        """See `CausalSelfAttention.start`."""
        x = ops.cast(inputs, "float32")
        y = ops.cast(self.norms[0](x), "float32")
        y, cache = self.attention.start(y, length)
        x = x + y
        return x + ops.cast(self._mlp(x), "float32"), cache

    def step(self, x, cache, position):
        """See `CausalSelfAttention.step`."""
        y = ops.cast(self.norms[0](x), "float32")
        y, cache = self.attention.step(y, cache, position)
        x = x + y
        return x + ops.cast(self._mlp(x), "float32"), cache

    def _mlp(self, x):
        x = ops.gelu(self.hidden(self.norms[1](x)), approximate=True)
        return self.outputs(x)

    def compute_output_shape(self, input_shape):
        return input_shape
