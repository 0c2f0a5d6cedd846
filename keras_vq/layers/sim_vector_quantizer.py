import keras
from keras import ops

from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.saving.config import serializable


@serializable
class SimVectorQuantizer(VectorQuantizer):
    """A `VectorQuantizer` with a learned linear map of a frozen codebook.

    ```
    codes = embeddings @ kernel
    ```

    The `embeddings` are random and frozen. The codebook loss trains the kernel
    `(D, D)`, which starts as the identity. Every step moves all codes,
    including unused ones, which prevents dead codes.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of a code, D.
        commitment_cost: float >= 0, weight of the commitment loss. Defaults to
            0.25.
        embeddings_initializer: Initializer of the frozen codebook. None uses
            the paper's normal distribution of variance 1 / D. Defaults to None.
        codebook_cost, distance, estimator, regularizers: See
            `VectorQuantizer`.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, ignored.

    Returns:
        dict, as for `VectorQuantizer`.

    Raises:
        ValueError: See `VectorQuantizer`.

    Example:

    >>> layer = keras_vq.layers.SimVectorQuantizer(512, 16)
    >>> outputs = layer(np.random.normal(size=(2, 5, 16)))
    >>> [v.name for v in layer.trainable_variables]
    ['kernel']

    References:
        Zhu et al., Addressing Representation Collapse in Vector Quantized
        Models with One Linear Layer, 2024, section 4.
    """

    codebook_options = {"trainable": False}

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        commitment_cost=0.25,
        embeddings_initializer=None,
        codebook_cost=1.0,
        distance="l2",
        estimator="straight_through",
        regularizers=(),
        **kwargs,
    ):
        if embeddings_initializer is None:
            embeddings_initializer = keras.initializers.VarianceScaling(
                mode="fan_out", distribution="untruncated_normal"
            )
        super().__init__(
            num_embeddings,
            embedding_dim,
            commitment_cost,
            codebook_cost=codebook_cost,
            distance=distance,
            estimator=estimator,
            regularizers=regularizers,
            embeddings_initializer=embeddings_initializer,
            **kwargs,
        )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.embedding_dim, self.embedding_dim),
            initializer="identity",
            dtype="float32",
            autocast=False,
        )

    def codebook(self):
        return self.normalized(ops.matmul(self.embeddings, self.kernel))

    def assign_codes(self, codes):
        super().assign_codes(codes)
        self.kernel.assign(ops.eye(self.embedding_dim))
