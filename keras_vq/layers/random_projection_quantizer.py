import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_seed
from keras_vq.layers.quantizer import Quantizer
from keras_vq.ops.l2_normalize import l2_normalize
from keras_vq.ops.screened_nearest_code import screened_nearest_code
from keras_vq.ops.straight_through import straight_through
from keras_vq.saving.config import serializable


@serializable
class RandomProjectionQuantizer(Quantizer):
    """Quantizes with a random projection and a random codebook, both frozen.

    ```
    index     = argmin_k || l2_normalize(embeddings[k])
                            - l2_normalize(z @ projection) ||
    quantized = l2_normalize(embeddings[index]) @ transpose(projection)
    ```

    The indices cannot collapse and serve as targets for self-supervised
    learning; for this, each channel of `z` should have mean 0 and variance 1.
    `quantized` is the code mapped back to the space of `z`, and its gradient is
    copied to `z`. There is no loss.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of the vectors.
        code_dim: int >= 1, length of a code. Defaults to 16.
        seed: int or None, random seed of the projection and the codebook.
            Defaults to None.
        **kwargs: `add_losses` of `Quantizer` (the loss is 0), and keyword
            arguments of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)` or None, ignored.
        training: bool, ignored.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` without its last axis.
        `loss`: float32 scalar, 0.

    Raises:
        ValueError: If an argument is out of range, or the last axis of `z` is
            not `embedding_dim`.

    Example:

    >>> layer = keras_vq.layers.RandomProjectionQuantizer(8192, 80, seed=0)
    >>> layer(np.random.normal(size=(2, 50, 80)))["indices"].shape
    (2, 50)
    >>> layer.trainable_variables
    []

    References:
        Chiu et al., Self-supervised Learning with Random-projection Quantizer
        for Speech Recognition, 2022, section 3.1.
    """

    def __init__(
        self, num_embeddings, embedding_dim, code_dim=16, seed=None, **kwargs
    ):
        super().__init__(num_embeddings, embedding_dim, **kwargs)
        self.code_dim = check_int("code_dim", code_dim)
        self.seed = check_seed(seed)
        seeds = (
            (None, None) if self.seed is None else (self.seed, self.seed + 1)
        )
        self.projection = self._add_frozen(
            "projection",
            (self.embedding_dim, self.code_dim),
            keras.initializers.GlorotUniform(seeds[0]),
        )
        self.embeddings = self._add_frozen(
            "embeddings",
            (self.num_embeddings, self.code_dim),
            keras.initializers.RandomNormal(stddev=1.0, seed=seeds[1]),
        )

    def _add_frozen(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def call(self, z, mask=None, training=False):
        z, _ = self.prepare(z, mask)
        vectors = ops.cast(z, "float32")
        indices = self.indices_of(vectors)
        quantized = straight_through(vectors, self.codes_of(indices))
        losses = {"loss": ops.zeros((), "float32")}
        return self.results(z, quantized, indices, losses)

    def indices_of(self, z):
        return screened_nearest_code(
            l2_normalize(ops.matmul(z, self.projection)),
            l2_normalize(self.embeddings),
        )

    def codes_of(self, indices):
        codes = ops.take(l2_normalize(self.embeddings), indices, axis=0)
        return ops.matmul(codes, ops.transpose(self.projection))
