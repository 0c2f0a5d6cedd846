import keras
from keras import ops

from keras_vq.layers import CausalSelfAttention
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.priors.pixelcnn import PixelCNN


@keras.saving.register_keras_serializable(package="keras_vq")
class PixelSNAIL(PixelCNN):
    """A gated PixelCNN with causal self-attention between its convolutions.

    Convolutions see far only by many layers; attention sees all that has been
    drawn at once. After every `num_layers / num_blocks` gated masked
    convolutions, the horizontal stack attends to its earlier positions,
    queries and keys being turned by row and column.

    Args:
        *args: See `keras_vq.priors.PixelCNN`.
        num_blocks: int >= 1, attentions; divides `num_layers`. Defaults to 2.
        num_heads: int >= 1; `hidden_dim` is a multiple of four times this.
            Defaults to 4.
        **kwargs: See `keras_vq.priors.PixelCNN`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.

    Example:

    >>> prior = keras_vq.priors.PixelSNAIL((4, 4), 16, hidden_dim=32)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 4, 4)

    References:
        Chen et al., PixelSNAIL: An Improved Autoregressive Generative Model,
        2018.
    """

    def __init__(self, *args, num_blocks=2, num_heads=4, **kwargs):
        super().__init__(*args, **kwargs)
        check_sizes(None, num_blocks=num_blocks, num_heads=num_heads)
        if self.num_layers % num_blocks:
            raise ValueError(
                "`num_blocks` must divide `num_layers`. Received: num_blocks="
                f"{num_blocks} and num_layers={self.num_layers}"
            )
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        dtype = self.dtype_policy
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype)
            for _ in range(num_blocks)
        ]
        self.attentions = [
            CausalSelfAttention(
                num_heads, rotary_shape=self.position_shape, dtype=dtype
            )
            for _ in range(num_blocks)
        ]
        for layer in (*self.norms, *self.attentions):
            layer.build((None, self.num_positions, self.hidden_dim))

    def attend(self, i, x, training):
        block = self._block_after(i)
        if block is None:
            return x
        flat = ops.reshape(x, (-1, self.num_positions, self.hidden_dim))
        y = self.attentions[block](self.norms[block](flat))
        return x + ops.reshape(y, (-1, *x.shape[1:]))

    def attend_step(self, i, x, state, position):
        block = self._block_after(i)
        if block is None:
            return x
        y = ops.cast(self.norms[block](x), "float32")
        y, cache = self.attentions[block].step(
            y, state["attention_caches"][block], position
        )
        # A list of its own: that of the step before is not to be changed.
        caches = list(state["attention_caches"])
        caches[block] = cache
        state["attention_caches"] = caches
        return x + y

    def initial_state(self, batch_size, labels, condition=None):
        return {
            **super().initial_state(batch_size, labels, condition),
            "attention_caches": [
                attention.initial_cache(batch_size, self.num_positions)
                for attention in self.attentions
            ],
        }

    def _block_after(self, i):
        """Index of the attention that follows convolution `i`, or None."""
        size = self.num_layers // self.num_blocks
        return None if (i + 1) % size else i // size

    def get_config(self):
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
        }
