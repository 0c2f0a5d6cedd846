import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.layers.attention import Attention
from keras_vq.saving.config import serializable


@serializable
class AdaptiveTransformerBlock(backend.LayerMixin, keras.layers.Layer):
    """Transformer block that a vector steers, with attention in all directions.

    A vector c, the embedding of a class or of a time, gives shift, scale and
    gate of each sublayer:

    ```
    x + gate(c) * sublayer((1 + scale(c)) * norm(x) + shift(c))
    ```

    for self-attention and for the MLP. The gates start at zero, so a new block
    is the identity (adaptive layer norm zero). With a context, cross-attention
    on its vectors comes between the two.

    Args:
        num_heads: int >= 1; must divide the number of input channels.
        intermediate_dim: int >= 1, width of the hidden layer.
        dropout: float in [0, 1), dropout rate of the sublayer outputs. Defaults
            to 0.0.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.
        vector: float tensor `(batch, channels)`.
        context: float tensor `(batch, context_length, context_channels)` or
            None. Defaults to None.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, length, channels)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras_vq.layers.AdaptiveTransformerBlock(4, 64)
    >>> layer(np.ones((2, 15, 32)), np.ones((2, 32))).shape
    (2, 15, 32)

    References:
        Peebles and Xie, Scalable Diffusion Models with Transformers, 2023,
        section 3.2.
    """

    def __init__(self, num_heads, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = check_int("num_heads", num_heads)
        self.intermediate_dim = check_int("intermediate_dim", intermediate_dim)
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)

    def build(self, inputs_shape, vector_shape, context_shape=None):
        channels = inputs_shape[-1]
        dtype = self.dtype_policy

        def attention_to(shape):
            layer = Attention(self.num_heads, dtype=dtype)
            layer.build(inputs_shape, shape)
            return layer

        def norm():
            layer = keras.layers.LayerNormalization(
                epsilon=1e-6, center=False, scale=False, dtype=dtype
            )
            layer.build(inputs_shape)
            return layer

        self.modulation = keras.layers.Dense(
            6 * channels, kernel_initializer="zeros", dtype=dtype
        )
        self.modulation.build(vector_shape)
        self.attention_norm, self.mlp_norm = norm(), norm()
        self.attention = attention_to(inputs_shape)
        self.cross_attention = None
        if context_shape is not None:
            self.cross_norm = norm()
            self.cross_attention = attention_to(context_shape)
        self.hidden = keras.layers.Dense(self.intermediate_dim, dtype=dtype)
        self.hidden.build(inputs_shape)
        self.outputs = keras.layers.Dense(channels, dtype=dtype)
        self.outputs.build((*inputs_shape[:-1], self.intermediate_dim))
        self.drop = keras.layers.Dropout(self.dropout, dtype=dtype)
        self.built = True

    def call(self, inputs, vector, context=None, training=False):
        x = inputs
        modulation = self.modulation(ops.silu(vector))[:, None]
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = ops.split(
            modulation, 6, axis=-1
        )
        y = (1 + scale) * self.attention_norm(x) + shift
        y = self.attention(y, y)
        x = x + gate * self.drop(y, training=training)
        if self.cross_attention is not None:
            y = self.cross_attention(self.cross_norm(x), context)
            x = x + self.drop(y, training=training)
        y = (1 + mlp_scale) * self.mlp_norm(x) + mlp_shift
        y = self.outputs(ops.gelu(self.hidden(y), approximate=True))
        return x + mlp_gate * self.drop(y, training=training)

    def compute_output_shape(self, inputs_shape, *args, **kwargs):
        return inputs_shape
