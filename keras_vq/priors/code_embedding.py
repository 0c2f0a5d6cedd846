import keras
from keras import layers
from keras import ops


class CodeEmbedding(layers.Embedding):
    """Vectors of codes; where a position has several, the sum of theirs.

    Args:
        num_embeddings: int, number of codes, K.
        dim: int, channels.
        depth: int, codes of a position, each with a table of its own. Defaults
            to 1.
        stddev: float, of the initial vectors. Defaults to 0.05.
        **kwargs: `dtype` and others of `keras.layers.Embedding`.

    Call arguments:
        codes: int tensor `(..., depth)`, or `(...)` where `depth` is 1.

    Returns:
        float tensor `(..., dim)`.

    References:
        Lee et al., Autoregressive Image Generation using Residual
        Quantization, 2022, section 3.2.1.
    """

    def __init__(self, num_embeddings, dim, depth=1, stddev=0.05, **kwargs):
        super().__init__(
            depth * num_embeddings,
            dim,
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=stddev
            ),
            **kwargs,
        )
        self.num_embeddings = num_embeddings
        self.depth = depth
        self.build()

    def call(self, codes):
        if self.depth == 1:
            return super().call(codes)
        return ops.sum(self.each(codes), axis=-2)

    def each(self, codes):
        """The vectors of the codes of a position, float `(..., depth, dim)`."""
        first = self.num_embeddings * ops.arange(self.depth, dtype="int32")
        return super().call(ops.cast(codes, "int32") + first)
