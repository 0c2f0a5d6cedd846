import keras
from keras import ops

from keras_vq.ops import mean
from keras_vq.ops import nearest_code
from keras_vq.ops import straight_through


@keras.saving.register_keras_serializable(package="keras_vq")
class VectorQuantizer(keras.layers.Layer):
    """Replaces each vector by the nearest code of a learned codebook.

    Forward, `quantized = embeddings[argmin_k ||z - embeddings[k]||]`; backward,
    the gradient at `quantized` is copied to `z` (straight-through). The
    codebook learns by gradient from its own loss:

    ```
    codebook_loss   = mean((stop_gradient(z) - quantized) ** 2)
    commitment_loss = mean((z - stop_gradient(quantized)) ** 2)
    loss            = codebook_loss + commitment_cost * commitment_loss
    ```

    The layer returns its losses; whoever calls it adds `loss` to its own.
    Distances, losses and codebook are float32 under every dtype policy, and
    the input is not cast.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of a code, D.
        commitment_cost: float >= 0, weight of the commitment loss (the paper's
            beta). Defaults to 0.25.
        add_losses: bool, whether to also add `loss` to the layer's losses, for
            Functional models trained by the stock `compile` and `fit`. Not for
            `tf.distribute`, whose replicas share that list. Defaults to False.
        embeddings_initializer: Initializer of the codebook. Defaults to
            `"random_uniform"`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        training: bool. Only subclasses that update the codebook in the
            forward pass use it.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`, values equal to codes exactly.
        `indices`: int32, shape of `z` without its last axis.
        `loss`: float32 scalar, weighted.
        `codebook_loss`, `commitment_loss`: float32 scalars, not weighted.

    Raises:
        ValueError: If an argument is out of range, or if the last axis of `z`
            is not `embedding_dim`.

    Example:

    >>> layer = keras_vq.layers.VectorQuantizer(512, 64)
    >>> outputs = layer(np.random.normal(size=(8, 7, 7, 64)))
    >>> outputs["quantized"].shape, outputs["indices"].shape
    ((8, 7, 7, 64), (8, 7, 7))

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 3.2, equation 3.
    """

    # The parts of `loss` that a call returns beside it.
    built: bool
    loss_names: tuple[str, ...] = ("codebook_loss", "commitment_loss")

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        commitment_cost=0.25,
        add_losses=False,
        embeddings_initializer="random_uniform",
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_at_least("num_embeddings", num_embeddings, 2)
        check_at_least("embedding_dim", embedding_dim, 1)
        if commitment_cost < 0:
            raise ValueError(
                "`commitment_cost` must not be negative. Received: "
                f"commitment_cost={commitment_cost}"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.commitment_cost = commitment_cost
        self.add_losses = add_losses
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

    def call(self, z, training=False):
        z = ops.convert_to_tensor(z)
        indices = self.encode_to_indices(z)
        codes = self.decode_indices(indices)
        losses = self.compute_losses(ops.cast(z, "float32"), codes)
        if self.add_losses:
            self.add_loss(losses["loss"])
        if training:
            self.update_codebook(z, indices)
        quantized = ops.cast(ops.stop_gradient(codes), z.dtype)
        return {
            "quantized": straight_through(z, quantized),
            "indices": indices,
            **losses,
        }

    def encode_to_indices(self, z):
        """Index of the nearest code to each vector.

        Args:
            z: float tensor `(..., embedding_dim)`.

        Returns:
            int32 tensor `(...)`.
        """
        z = ops.convert_to_tensor(z)
        if z.shape[-1] != self.embedding_dim:
            raise ValueError(
                f"`{self.name}` expects vectors of length embedding_dim="
                f"{self.embedding_dim} on the last axis. Received: "
                f"z.shape={tuple(z.shape)}"
            )
        if not self.built:
            self.build()
        return nearest_code(z, self.embeddings)

    def decode_indices(self, indices):
        """The codes at the given indices.

        Args:
            indices: int tensor `(...)`, values in `[0, num_embeddings)`.

        Returns:
            float32 tensor `(..., embedding_dim)`.
        """
        if not self.built:
            self.build()
        return ops.take(ops.convert_to_tensor(self.embeddings), indices, axis=0)

    def compute_losses(self, z, codes):
        """Weighted sum and parts of the loss; `z` and `codes` are float32."""
        codebook_loss = mean(ops.square(ops.stop_gradient(z) - codes))
        commitment_loss = mean(ops.square(z - ops.stop_gradient(codes)))
        return {
            "loss": codebook_loss + self.commitment_cost * commitment_loss,
            "codebook_loss": codebook_loss,
            "commitment_loss": commitment_loss,
        }

    def update_codebook(self, z, indices):
        """Hook: change the codebook after the lookup, in training only."""

    def compute_output_spec(self, z, training=False):
        scalar = keras.KerasTensor((), "float32")
        return {
            "quantized": keras.KerasTensor(z.shape, z.dtype),
            "indices": keras.KerasTensor(z.shape[:-1], "int32"),
            "loss": scalar,
            **dict.fromkeys(self.loss_names, scalar),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "commitment_cost": self.commitment_cost,
            "add_losses": self.add_losses,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
        }


def check_at_least(name, value, minimum):
    """Raise unless `value` is an integer of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer >= {minimum}. Received: "
            f"{name}={value!r}"
        )
