import keras
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_at_least
from keras_vq.ops import screened_nearest_code
from keras_vq.ops.straight_through import straight_through
from keras_vq.ops.unit import unit


@keras.saving.register_keras_serializable(package="keras_vq")
class RandomProjectionQuantizer(Quantizer):
    """Codes from a random projection and a random codebook: nothing learns.

    ```
    index     = argmin_k || unit(embeddings[k]) - unit(z @ projection) ||
    quantized = unit(embeddings[index]) @ transpose(projection)
    ```

    The indices are labels of `z` that no training can make collapse: targets
    for self-supervised learning, for which `z` should have mean 0 and variance
    1 in each channel. `quantized`, which that does not need, is the code
    brought back to the space of `z`; its gradient is copied to `z`. There is no
    loss.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of the vectors.
        code_dim: int >= 1, length of a code. Defaults to 16.
        seed: int or None, of projection and codebook. Defaults to None.
        add_losses: See `Quantizer`; the loss is 0.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)` or None; changes nothing here.
        training: bool; changes nothing here.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` without its last axis.
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
        check_at_least("code_dim", code_dim, 1)
        self.code_dim = code_dim
        self.seed = seed

    def build(self, input_shape=None):
        if self.built:
            return
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
        self.built = True

    def _add_frozen(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def outputs_of(self, z, mask, training):
        vectors = ops.cast(z, "float32")
        indices = self.indices_of(vectors)
        quantized = straight_through(vectors, self.codes_of(indices))
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": indices,
            "loss": ops.zeros((), "float32"),
        }

    def indices_of(self, z):
        return screened_nearest_code(
            unit(ops.matmul(z, self.projection)), unit(self.embeddings)
        )

    def codes_of(self, indices):
        codes = ops.take(unit(self.embeddings), indices, axis=0)
        return ops.matmul(codes, ops.transpose(self.projection))

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "code_dim": self.code_dim,
            "seed": self.seed,
        }
