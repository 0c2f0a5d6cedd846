import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_number
from keras_vq.saving.config import serializable


@serializable
class CodeEmbedding(backend.LayerMixin, keras.layers.Embedding):
    """Embeds codes, summing over several codes per position.

    Args:
        num_embeddings: int >= 1, number of codes, K.
        dim: int >= 1, length of an embedding.
        codes_per_position: int >= 1, number of codes, each with its own table.
            Defaults to 1.
        stddev: float > 0, standard deviation of the initial embeddings.
            Defaults to 0.05.
        **kwargs: Keyword arguments of `keras.layers.Embedding`.

    Call arguments:
        codes: int tensor `(..., codes_per_position)`, or `(...)` if
            `codes_per_position` is 1.

    Returns:
        float tensor `(..., dim)`.

    Example:

    >>> layer = keras_vq.layers.CodeEmbedding(16, 8, codes_per_position=3)
    >>> layer(np.zeros((2, 5, 3), int)).shape
    (2, 5, 8)

    References:
        Lee et al., Autoregressive Image Generation using Residual
        Quantization, 2022, section 3.2.1.
    """

    def __init__(
        self, num_embeddings, dim, codes_per_position=1, stddev=0.05, **kwargs
    ):
        self.num_embeddings = check_int("num_embeddings", num_embeddings)
        self.dim = check_int("dim", dim)
        self.codes_per_position = check_int(
            "codes_per_position", codes_per_position
        )
        self.stddev = check_number("stddev", stddev, above=0)
        check_memory(
            f"An embedding of {num_embeddings} codes in {dim} dimensions",
            self.codes_per_position,
            self.num_embeddings,
            self.dim,
        )
        super().__init__(
            self.codes_per_position * self.num_embeddings,
            self.dim,
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=self.stddev
            ),
            **kwargs,
        )
        self.build()

    def call(self, codes):
        if self.codes_per_position == 1:
            return super().call(codes)
        return ops.sum(self.each(codes), axis=-2)

    def each(self, codes):
        """Embedding of each code, float `(..., codes_per_position, dim)`."""
        offsets = self.num_embeddings * ops.arange(
            self.codes_per_position, dtype="int32"
        )
        return super().call(ops.cast(codes, "int32") + offsets)

    def compute_output_shape(self, input_shape):
        if self.codes_per_position > 1:
            input_shape = input_shape[:-1]
        return (*input_shape, self.dim)

    def get_config(self):
        # These determine the arguments of `keras.layers.Embedding`.
        config = keras.layers.Layer.get_config(self)
        return {
            **config,
            "num_embeddings": self.num_embeddings,
            "dim": self.dim,
            "codes_per_position": self.codes_per_position,
            "stddev": self.stddev,
        }
