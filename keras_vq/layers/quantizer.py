import keras
import numpy as np
from keras import ops

from keras_vq.training.batches import batches_of
from keras_vq.training.batches import sample_rows
from keras_vq.training.batches import to_array


class Quantizer(keras.layers.Layer):
    """Base of the quantizers: vectors in, the nearest of finitely many out.

    All that the models need of a quantizer is here, so that any of them takes
    any: called, a quantizer returns a dict with its losses beside what it
    computes. Whoever calls it adds `loss` to its own. Distances, losses and
    state are float32 under every dtype policy, and the input is not cast.

    A subclass sets `num_embeddings`, `embedding_dim`, `loss_names` and, where
    it gives several codes for a vector, `depth`, and defines
    `outputs_of(z, mask, training)`, `indices_of(z)` and `codes_of(indices)`.

    Args:
        num_embeddings: int, values that an index can take, K.
        embedding_dim: int, length of the vectors, in and out, D.
        add_losses: bool, whether to also add `loss` to the layer's losses, for
            Functional models trained by the stock `compile` and `fit`. Not for
            `tf.distribute`, whose replicas share that list. Defaults to False.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Others change neither losses nor state; their codes are
            found all the same. Defaults to None, or to the Keras mask of `z`.
        training: bool, whether to draw noise and update state. Defaults to
            False.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` without its last axis, followed by
            `depth` if that is more than 1.
        `loss`: float32 scalar, weighted.
        the parts that `loss_names` lists: float32 scalars, not weighted.

    Raises:
        ValueError: If the last axis of `z` is not `embedding_dim`, or `mask`
            has another shape than the positions.
    """

    built: bool
    # Codes of a vector; more than one are the last axis of `indices`.
    depth = 1
    # The parts of `loss` that a call returns beside it.
    loss_names: tuple[str, ...] = ()

    def __init__(
        self, num_embeddings, embedding_dim, add_losses=False, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)
        check_at_least("num_embeddings", num_embeddings, 2)
        check_at_least("embedding_dim", embedding_dim, 1)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.add_losses = add_losses

    def build(self, input_shape=None):
        """Make the variables: once, and from the arguments alone."""
        self.built = True

    def outputs_of(self, z, mask, training):
        """What a call returns, of a checked tensor `z` and mask or None."""
        raise NotImplementedError

    def indices_of(self, z):
        """int32 indices of a checked float32 tensor `z`."""
        raise NotImplementedError

    def codes_of(self, indices):
        """float32 tensor `(..., embedding_dim)` of a checked int tensor."""
        raise NotImplementedError

    def call(self, z, mask=None, training=False):
        z = self._checked_vectors(z)
        if mask is not None:
            mask = self._checked_mask(mask, z)
            # What is no number would come through a gradient of zero.
            counts = ops.logical_or(mask[..., None], ops.isfinite(z))
            z = ops.where(counts, z, ops.zeros_like(z))
        outputs = self.outputs_of(z, mask, training)
        if self.add_losses:
            self.add_loss(outputs["loss"])
        return outputs

    def encode_to_indices(self, z):
        """Indices of the codes that stand for each vector.

        Args:
            z: float tensor `(..., embedding_dim)`.

        Returns:
            int32 tensor `(...)`, or `(..., depth)` if `depth` is more than 1.
        """
        return self.indices_of(ops.cast(self._checked_vectors(z), "float32"))

    def decode_indices(self, indices):
        """The vectors that indices stand for: a call's `quantized`.

        Args:
            indices: int tensor `(...)`, or `(..., depth)` if `depth` is more
                than 1, values in `[0, num_embeddings)`.

        Returns:
            float32 tensor `(..., embedding_dim)`.

        Raises:
            ValueError: If they are not integers, or have another last axis
                than `depth`; of a NumPy array or a list, if values are out of
                range. Values of tensors are not looked at.
        """
        if not hasattr(indices, "dtype") or isinstance(indices, np.ndarray):
            self._check_values(np.asarray(indices))
        indices = ops.convert_to_tensor(indices)
        dtype = keras.backend.standardize_dtype(indices.dtype)
        if "int" not in dtype:
            raise ValueError(
                f"`{self.name}` decodes integers. Received: indices.dtype="
                f"{dtype}"
            )
        self._check_depth(tuple(indices.shape))
        if not self.built:
            self.build()
        return self.codes_of(indices)

    def mean_code(self):
        """The mean over all codes, float32 tensor `(embedding_dim,)`."""
        indices = ops.arange(self.num_embeddings)
        if self.depth > 1:  # a mean of sums or parts is that of their means
            indices = ops.tile(indices[:, None], (1, self.depth))
        return ops.mean(self.decode_indices(indices), axis=0)

    def adapt(self, data, batch_size=256, num_vectors=None, seed=0):
        """Start the codebook from data, by k-means, before training.

        Args:
            data: float array `(..., embedding_dim)`, or a `tf.data.Dataset`,
                `keras.utils.PyDataset` or iterable of such batches, gone
                through once.
            batch_size: int, rows of an array's batches. Defaults to 256.
            num_vectors: int, how many of the vectors to keep, a random sample;
                None for 65,536, or 4 for each code if that is more. Defaults to
                None.
            seed: int, of all draws. Defaults to 0.

        Raises:
            ValueError: If there is no codebook to adapt, or there are fewer
                vectors than codes, or vectors of a wrong length.
        """
        vectors = sample_rows(
            (
                to_array(self._checked_vectors(batch)).reshape(
                    -1, self.embedding_dim
                )
                for batch in batches_of(data, batch_size)
            ),
            num_vectors or max(65_536, 4 * self.num_embeddings),
            seed,
        )
        self.adapt_to(vectors.astype("float32"), seed)

    def adapt_to(self, vectors, seed):
        """Start the codebook from a sample of vectors; see `adapt`.

        Args:
            vectors: float32 NumPy array `(N, embedding_dim)`.
            seed: int, of the draws of k-means.
        """
        raise ValueError(
            f"{type(self).__name__} `{self.name}` has no codebook to adapt to "
            "data: train it as it is."
        )

    def compute_mask(self, inputs, previous_mask):
        if previous_mask is None:
            return None
        names = ("indices", "loss", *self.loss_names)
        return dict.fromkeys(names) | {"quantized": previous_mask}

    def compute_output_spec(self, z, mask=None, training=False):
        scalar = keras.KerasTensor((), "float32")
        last = (self.depth,) if self.depth > 1 else ()
        return {
            "quantized": keras.KerasTensor(z.shape, z.dtype),
            "indices": keras.KerasTensor((*z.shape[:-1], *last), "int32"),
            "loss": scalar,
            **dict.fromkeys(self.loss_names, scalar),
        }

    def get_config(self):
        return {**super().get_config(), "add_losses": self.add_losses}

    def _checked_vectors(self, z):
        z = ops.convert_to_tensor(z)
        if z.shape[-1] != self.embedding_dim:
            raise ValueError(
                f"`{self.name}` expects vectors of length embedding_dim="
                f"{self.embedding_dim} on the last axis. Received: "
                f"z.shape={tuple(z.shape)}"
            )
        if not self.built:
            self.build()
        return z

    def _checked_mask(self, mask, z):
        mask = ops.cast(mask, "bool")
        shape, expected = tuple(mask.shape), tuple(z.shape[:-1])
        if len(shape) != len(expected) or any(
            None not in (n, m) and n != m for n, m in zip(shape, expected)
        ):
            raise ValueError(
                f"`{self.name}` expects a mask with one value for each vector, "
                f"of shape {expected}. Received: mask.shape={shape} for "
                f"z.shape={tuple(z.shape)}"
            )
        return mask

    def _check_depth(self, shape):
        if self.depth > 1 and (not shape or shape[-1] != self.depth):
            raise ValueError(
                f"`{self.name}` decodes indices with {self.depth} codes of a "
                f"vector on the last axis. Received: indices.shape={shape}"
            )

    def _check_values(self, indices):
        if indices.size and not (
            indices.min() >= 0 and indices.max() < self.num_embeddings
        ):
            raise ValueError(
                f"`{self.name}` has codes 0 to {self.num_embeddings - 1}. "
                f"Received: indices from {indices.min()} to {indices.max()}"
            )


def check_at_least(name, value, minimum):
    """Raise unless `value` is an integer of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer >= {minimum}. Received: "
            f"{name}={value!r}"
        )


def check_cost(name, value):
    """Raise unless `value` can weigh a loss."""
    if not value >= 0:
        raise ValueError(
            f"`{name}` must not be negative. Received: {name}={value}"
        )


def check_quantizer(quantizer):
    """Raise unless a layer can be part of a composed quantizer."""
    if not isinstance(quantizer, Quantizer):
        raise ValueError(
            "`quantizer` must be a quantizer of keras_vq.layers. Received: a "
            f"{type(quantizer).__name__}"
        )
    if quantizer.add_losses:
        raise ValueError(
            "Of composed quantizers the outermost adds the losses. Received: "
            f"`{quantizer.name}` with add_losses=True; give it to the layer "
            "around it."
        )
