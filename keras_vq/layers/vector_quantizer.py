import keras
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_cost
from keras_vq.ops import k_means
from keras_vq.ops import mean
from keras_vq.ops import nearest_code
from keras_vq.ops import rotation
from keras_vq.ops import screened_nearest_code
from keras_vq.ops import straight_through
from keras_vq.ops import unit

ESTIMATORS = {"straight_through": straight_through, "rotation": rotation}


@keras.saving.register_keras_serializable(package="keras_vq")
class VectorQuantizer(Quantizer):
    """Replaces each vector by the nearest code of a learned codebook.

    Forward, `quantized = embeddings[argmin_k ||z - embeddings[k]||]`; backward,
    the gradient at `quantized` is copied to `z` (straight-through). The
    codebook learns by gradient from its own loss:

    ```
    codebook_loss   = mean((stop_gradient(z) - quantized) ** 2)
    commitment_loss = mean((z - stop_gradient(quantized)) ** 2)
    loss            = codebook_cost * codebook_loss
                      + commitment_cost * commitment_loss
    ```

    With `distance="cosine"`, vectors and codes are first divided by their
    length: all of the above is then on the unit sphere, and so is `quantized`.
    A vector of zeros has no direction: it gets code 0.

    The layer returns its losses; whoever calls it adds `loss` to its own.
    Distances, losses and codebook are float32 under every dtype policy, and
    the input is not cast.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of a code, D.
        commitment_cost: float >= 0, weight of the commitment loss (the paper's
            beta). Defaults to 0.25.
        codebook_cost: float >= 0, weight of the codebook loss. Defaults to
            1.0.
        distance: `"l2"` or `"cosine"`. Defaults to `"l2"`.
        estimator: `"straight_through"` or `"rotation"`, how the gradient passes
            the lookup: see `keras_vq.ops.straight_through` and
            `keras_vq.ops.rotation`. Defaults to `"straight_through"`.
        regularizers: list of `keras_vq.regularizers`, losses to add. Defaults
            to none.
        add_losses: bool, whether to also add `loss` to the layer's losses, for
            Functional models trained by the stock `compile` and `fit`. Not for
            `tf.distribute`, whose replicas share that list. Defaults to False.
        embeddings_initializer: Initializer of the codebook. Defaults to
            `"random_uniform"`; `adapt` starts it from data.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Others change neither losses nor codebook. Defaults to
            None.
        training: bool. Only subclasses that update the codebook in the
            forward pass use it.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`, values equal to codes exactly.
        `indices`: int32, shape of `z` without its last axis.
        `loss`: float32 scalar, weighted.
        `codebook_loss`, `commitment_loss`, and one for each regularizer:
            float32 scalars, not weighted.

    Raises:
        ValueError: If an argument is out of range or unknown, if the last axis
            of `z` is not `embedding_dim`, or `mask` has another shape than the
            positions.

    Example:

    >>> layer = keras_vq.layers.VectorQuantizer(512, 64)
    >>> outputs = layer(np.random.normal(size=(8, 7, 7, 64)))
    >>> outputs["quantized"].shape, outputs["indices"].shape
    ((8, 7, 7, 64), (8, 7, 7))

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 3.2, equation 3. Cosine distance: Yu et al., Vector-quantized
        Image Modeling with Improved VQGAN, 2022, section 3.2.
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        commitment_cost=0.25,
        codebook_cost=1.0,
        distance="l2",
        estimator="straight_through",
        regularizers=(),
        embeddings_initializer="random_uniform",
        **kwargs,
    ):
        super().__init__(num_embeddings, embedding_dim, **kwargs)
        check_cost("commitment_cost", commitment_cost)
        check_cost("codebook_cost", codebook_cost)
        check_name("distance", distance, ("l2", "cosine"))
        check_name("estimator", estimator, ESTIMATORS)
        self.commitment_cost = commitment_cost
        self.codebook_cost = codebook_cost
        self.distance = distance
        self.estimator = estimator
        self.regularizers = [
            keras.saving.deserialize_keras_object(r)
            if isinstance(r, dict)
            else r
            for r in regularizers
        ]
        names = (regularizer.name for regularizer in self.regularizers)
        self.loss_names = ("codebook_loss", "commitment_loss", *names)
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer
        )

    def build(self, input_shape=None):
        if self.built:
            return
        self.embeddings = self.add_codebook(trainable=True)
        self.built = True

    def add_codebook(self, **kwargs):
        """The variable `(num_embeddings, embedding_dim)`, always float32."""
        return self.add_weight(
            name="embeddings",
            shape=(self.num_embeddings, self.embedding_dim),
            initializer=self.embeddings_initializer,
            dtype="float32",
            autocast=False,
            **kwargs,
        )

    def codebook(self):
        """The codes as vectors are compared with them, float32 `(K, D)`."""
        return self.normalized(ops.convert_to_tensor(self.embeddings))

    def normalized(self, vectors):
        """Vectors as they are compared: of length 1 for cosine distance."""
        return unit(vectors) if self.distance == "cosine" else vectors

    def outputs_of(self, z, mask, training):
        vectors = self.normalized(ops.cast(z, "float32"))
        indices, codes, losses = self.lookup(vectors, mask)
        if training:
            self.update_codebook(vectors, indices, mask)
        estimate = ESTIMATORS[self.estimator]
        quantized = estimate(vectors, ops.stop_gradient(codes))
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": indices,
            **losses,
        }

    def lookup(self, vectors, mask=None):
        """Codes and losses, before any update.

        Args:
            vectors: float32 tensor `(..., D)`, normalized.
            mask: bool tensor `(...)` or None.

        Returns:
            `indices, codes, losses`: int32 `(...)`, float32 `(..., D)`, through
            which gradients reach the codebook if it learns by them, and a dict
            of scalars.
        """
        codebook = self.codebook()
        indices = self.nearest(vectors, codebook)
        codes = ops.take(codebook, indices, axis=0)
        losses = self.compute_losses(vectors, codes, mask)
        for regularizer in self.regularizers:
            value = regularizer(vectors, codebook, mask)
            losses[regularizer.name] = value
            losses["loss"] += regularizer.weight * value
        return indices, codes, losses

    def nearest(self, vectors, codebook, search=nearest_code):
        """int32 indices `(...)` of the codes nearest to normalized vectors."""
        indices = search(vectors, codebook)
        if self.distance == "cosine":
            # All codes are as far from zero, up to rounding.
            lengths = ops.sum(ops.square(vectors), axis=-1)
            indices = ops.where(lengths > 0.5, indices, 0)
        return indices

    def indices_of(self, z):
        return self.nearest(
            self.normalized(z), self.codebook(), screened_nearest_code
        )

    def codes_of(self, indices):
        return ops.take(self.codebook(), indices, axis=0)

    def compute_losses(self, z, codes, mask):
        """Weighted sum and parts of the loss; `z` and `codes` are float32."""
        codebook_loss = mean(ops.square(ops.stop_gradient(z) - codes), mask)
        commitment_loss = mean(ops.square(z - ops.stop_gradient(codes)), mask)
        return {
            "loss": self.codebook_cost * codebook_loss
            + self.commitment_cost * commitment_loss,
            "codebook_loss": codebook_loss,
            "commitment_loss": commitment_loss,
        }

    def update_codebook(self, z, indices, mask):
        """Hook: change the codebook after the lookup, in training only."""

    def adapt_to(self, vectors, seed):
        vectors = ops.convert_to_numpy(self.normalized(vectors))
        self.assign_codes(k_means(vectors, self.num_embeddings, seed=seed))

    def assign_codes(self, codes):
        """Set the codebook, with all that is kept about it.

        Args:
            codes: float array or tensor `(num_embeddings, embedding_dim)`.
        """
        if not self.built:
            self.build()
        self.embeddings.assign(codes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "commitment_cost": self.commitment_cost,
            "codebook_cost": self.codebook_cost,
            "distance": self.distance,
            "estimator": self.estimator,
            "regularizers": [
                keras.saving.serialize_keras_object(r)
                for r in self.regularizers
            ],
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
        }


def check_name(argument, value, names):
    """Raise unless `value` is one of the names."""
    if value not in names:
        raise ValueError(
            f"`{argument}` must be one of {', '.join(map(repr, names))}. "
            f"Received: {argument}={value!r}"
        )
