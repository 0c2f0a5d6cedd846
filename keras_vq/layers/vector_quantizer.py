import keras
from keras import ops

from keras_vq.checks import check_choice
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.layers.quantizer import Quantizer
from keras_vq.ops.k_means import k_means
from keras_vq.ops.l2_normalize import l2_normalize
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.ops.nearest_code import nearest_code
from keras_vq.ops.rotation_trick import rotation_trick
from keras_vq.ops.screened_nearest_code import screened_nearest_code
from keras_vq.ops.straight_through import straight_through
from keras_vq.regularizers import Regularizer
from keras_vq.saving.config import serializable

ESTIMATORS = {"straight_through": straight_through, "rotation": rotation_trick}


@serializable
class VectorQuantizer(Quantizer):
    """Replaces each vector by the nearest code of a learned codebook.

    In the forward pass, `quantized = embeddings[argmin_k ||z -
    embeddings[k]||]`. In the backward pass, the gradient with respect to
    `quantized` is copied to `z` (straight-through). The codebook is trained by
    its own loss:

    ```
    codebook_loss   = mean((stop_gradient(z) - quantized) ** 2)
    commitment_loss = mean((z - stop_gradient(quantized)) ** 2)
    loss            = codebook_cost * codebook_loss
                      + commitment_cost * commitment_loss
    ```

    With `distance="cosine"`, vectors and codes are first scaled to length 1, so
    all of the above, including `quantized`, is on the unit sphere. A zero
    vector has no direction and gets code 0.

    The layer returns its losses, and the caller adds `loss` to its own loss.
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
        estimator: `"straight_through"` or `"rotation"`, how gradients pass
            through the lookup; see `keras_vq.ops.straight_through` and
            `keras_vq.ops.rotation_trick`. Defaults to `"straight_through"`.
        regularizers: list of `keras_vq.regularizers`, additional losses.
            Defaults to `()`.
        embeddings_initializer: Initializer of the codebook; `adapt` can
            initialize it from data instead. Defaults to `"random_uniform"`.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Invalid positions affect neither losses nor codebook.
            Defaults to None.
        training: bool, only used by subclasses that update the codebook in the
            forward pass.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`, exactly equal to the
            codes.
        `indices`: int32 tensor of the shape of `z` without its last axis.
        `loss`: float32 scalar, weighted.
        `codebook_loss`, `commitment_loss`, and one entry per regularizer:
            float32 scalars, unweighted.

    Raises:
        ValueError: If an argument is out of range or unknown, if the last axis
            of `z` is not `embedding_dim`, or if the shape of `mask` does not
            match the positions.

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

    # Arguments of `add_weight` for the codebook.
    codebook_options: dict = {}

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
        self.commitment_cost = check_number(
            "commitment_cost", commitment_cost, at_least=0
        )
        self.codebook_cost = check_number(
            "codebook_cost", codebook_cost, at_least=0
        )
        self.distance = check_choice("distance", distance, ("l2", "cosine"))
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        check_type("regularizers", regularizers, (tuple, list), "a list")
        self.regularizers = [
            check_type(
                "regularizers",
                regularizer,
                Regularizer,
                "a list of keras_vq.regularizers.Regularizer",
            )
            for regularizer in regularizers
        ]
        names = (regularizer.name for regularizer in self.regularizers)
        self.loss_names = ("codebook_loss", "commitment_loss", *names)
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer
        )
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_embeddings, self.embedding_dim),
            initializer=self.embeddings_initializer,
            dtype="float32",
            autocast=False,
            **self.codebook_options,
        )

    def call(self, z, mask=None, training=False):
        training = training and self.trainable
        z, mask = self.prepare(z, mask)
        vectors = self.normalized(ops.cast(z, "float32"))
        indices, codes, losses = self.lookup(vectors, mask)
        if training:
            self.update_codebook(vectors, indices, mask)
        estimate = ESTIMATORS[self.estimator]
        quantized = estimate(vectors, ops.stop_gradient(codes))
        return self.results(z, quantized, indices, losses)

    def lookup(self, vectors, mask=None):
        """Look up codes and compute losses, without updating the codebook.

        Args:
            vectors: float32 tensor `(..., D)`, normalized.
            mask: bool tensor `(...)` or None.

        Returns:
            `indices, codes, losses`: int32 tensor `(...)`, float32 tensor
            `(..., D)` that passes gradients to a trainable codebook, and dict
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

    def compute_losses(self, z, codes, mask):
        """Compute the loss and its parts from float32 `z` and `codes`."""
        codebook_loss = masked_mean(
            ops.square(ops.stop_gradient(z) - codes), mask
        )
        commitment_loss = masked_mean(
            ops.square(z - ops.stop_gradient(codes)), mask
        )
        return {
            "loss": self.codebook_cost * codebook_loss
            + self.commitment_cost * commitment_loss,
            "codebook_loss": codebook_loss,
            "commitment_loss": commitment_loss,
        }

    def update_codebook(self, z, indices, mask):
        """Hook to update the codebook after the lookup, in training."""

    def codebook(self):
        """Codes to compare with normalized vectors, float32 `(K, D)`."""
        return self.normalized(ops.convert_to_tensor(self.embeddings))

    def normalized(self, vectors):
        """Scale vectors to length 1 for cosine distance."""
        if self.distance == "cosine":
            return l2_normalize(vectors)
        return vectors

    def nearest(self, vectors, codebook, search=nearest_code):
        """int32 indices `(...)` of the codes nearest to normalized vectors."""
        indices = search(vectors, codebook)
        if self.distance == "cosine":
            # A zero vector is equally far from all codes, up to rounding.
            lengths = ops.sum(ops.square(vectors), axis=-1)
            indices = ops.where(lengths > 0.5, indices, 0)
        return indices

    def indices_of(self, z):
        return self.nearest(
            self.normalized(z), self.codebook(), screened_nearest_code
        )

    def codes_of(self, indices):
        return ops.take(self.codebook(), indices, axis=0)

    @property
    def can_adapt(self):
        return True

    def adapt_to(self, vectors, seed):
        vectors = ops.convert_to_numpy(self.normalized(vectors))
        self.assign_codes(k_means(vectors, self.num_embeddings, seed=seed))

    def assign_codes(self, codes):
        """Set the codebook and any state derived from it.

        Args:
            codes: float array or tensor `(num_embeddings, embedding_dim)`.
        """
        self.embeddings.assign(codes)
