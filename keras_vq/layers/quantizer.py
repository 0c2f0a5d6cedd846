from typing import Any

import keras
import numpy as np
from keras import ops

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_type
from keras_vq.layers.bottleneck import Bottleneck
from keras_vq.saving.config import serializable
from keras_vq.training.batches import batches_of
from keras_vq.training.batches import sample_rows
from keras_vq.training.batches import to_array


@serializable
class Quantizer(Bottleneck):
    """Base class for quantizers, which replace each vector by a code.

    This class is the interface between models and quantizers: every model works
    with every quantizer. Distances, losses and state are float32 under every
    dtype policy.

    A subclass sets `loss_names` and, if it returns several codes per vector,
    `codes_per_position`. It defines:

    - `call(z, mask=None, training=False)`, which starts with `self.prepare`
      and ends with `self.results`. With `trainable=False` it takes `training`
      for False, as batch normalization does.
    - `indices_of(z)`, int32 indices of a float32 tensor.
    - `codes_of(indices)`, float32 vectors of an int tensor.

    Args:
        num_embeddings: int >= 2, number of values of an index, K.
        embedding_dim: int >= 1, length of the vectors, D.
        add_losses: bool, whether to also call `add_loss` with `loss`, for
            functional models trained with the standard `compile` and `fit`.
            Not supported under `tf.distribute`, where replicas share the list
            of losses. Defaults to False.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Invalid positions affect neither losses nor state, but
            still get codes. Defaults to the Keras mask of `z`, or None.
        training: bool, whether to sample noise and update state. Defaults to
            False.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` without its last axis,
            followed by `codes_per_position` if that is more than 1.
        `loss`: float32 scalar, weighted.
        one entry for each name in `loss_names`: float32 scalars, unweighted.

    Raises:
        ValueError: If the last axis of `z` is not `embedding_dim`, or if the
            shape of `mask` does not match the positions.

    Example:

    >>> class Parity(keras_vq.layers.Quantizer):
    ...     \"\"\"Quantizes to -2 (code 0) or 2 (code 1), by sign.\"\"\"
    ...
    ...     def __init__(self, **kwargs):
    ...         super().__init__(2, 1, **kwargs)
    ...
    ...     def call(self, z, mask=None, training=False):
    ...         z, mask = self.prepare(z, mask)
    ...         indices = self.indices_of(z)
    ...         quantized = keras_vq.ops.straight_through(
    ...             z, self.codes_of(indices)
    ...         )
    ...         return self.results(z, quantized, indices, {"loss": 0.0})
    ...
    ...     def indices_of(self, z):
    ...         return keras.ops.cast(z[..., 0] > 0, "int32")
    ...
    ...     def codes_of(self, indices):
    ...         return 4.0 * keras.ops.cast(indices, "float32")[..., None] - 2.0
    >>> Parity()(np.array([[0.3], [-9.0]], "float32"))["indices"]
    array([1, 0], dtype=int32)
    """

    output_name = "quantized"
    # Codes per vector. If more than one, they form the last axis of `indices`.
    codes_per_position = 1
    # Variable `(num_embeddings, dim)`, if the codebook is a table.
    embeddings: Any = None
    # Whether a code may stand for several vectors.
    pools_vectors = False

    def __init__(
        self, num_embeddings, embedding_dim, add_losses=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_embeddings = check_int(
            "num_embeddings", num_embeddings, 2, 2**31 - 1
        )
        self.embedding_dim = check_int("embedding_dim", embedding_dim)
        self.input_dim = self.output_dim = self.embedding_dim
        self.add_losses = check_flag("add_losses", add_losses)

    def add_weight(self, shape=(), **kwargs):
        """Create a variable, unless it is larger than the memory."""
        name = type(self).__name__
        check_memory(f"A weight of shape {shape} of a {name}", *shape)
        return super().add_weight(shape=shape, **kwargs)

    def indices_of(self, z):
        """int32 indices of a float32 tensor `(..., embedding_dim)`."""
        raise NotImplementedError

    def codes_of(self, indices):
        """float32 tensor `(..., embedding_dim)` of an int tensor."""
        raise NotImplementedError

    def encode_to_indices(self, z):
        """Map vectors to the indices of their codes.

        Args:
            z: float tensor `(..., embedding_dim)`.

        Returns:
            int32 tensor `(...)`, followed by `codes_per_position` if that is
            more than 1.
        """
        z, _ = self.prepare(z)
        return self.indices_of(ops.cast(z, "float32"))

    def decode_indices(self, indices):
        """Map indices to the vectors that they represent.

        Args:
            indices: int tensor as returned by `encode_to_indices`, values in
                `[0, num_embeddings)`.

        Returns:
            float32 tensor `(..., embedding_dim)`.

        Raises:
            ValueError: If `indices` are not integers, their last axis is not
                `codes_per_position`, or a value is out of range. Values are
                only checked in NumPy arrays and lists, not in tensors.
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
        self.check_code_axis(tuple(indices.shape))
        if not self.built:
            self.build()
        return self.codes_of(indices)

    encode = encode_to_indices
    decode = decode_indices

    def latent_shape(self, grid, dim=None):
        if self.codes_per_position > 1:
            return (*grid, self.codes_per_position)
        return tuple(grid)

    def mean_code(self):
        """Mean over all codes, float32 tensor `(embedding_dim,)`."""
        indices = ops.arange(self.num_embeddings)
        if self.codes_per_position > 1:
            # Codes of a position are summed or concatenated, and so are means.
            indices = ops.tile(indices[:, None], (1, self.codes_per_position))
        return ops.mean(self.decode_indices(indices), axis=0)

    def adapt(self, data, batch_size=256, num_vectors=None, seed=0):
        """Initialize the codebook by running k-means on data, before training.

        Args:
            data: float array `(..., embedding_dim)`, or a `tf.data.Dataset`,
                `keras.utils.PyDataset` or iterable of such batches, which is
                iterated once.
            batch_size: int, rows per batch of an array. Defaults to 256.
            num_vectors: int or None, number of random vectors to cluster. None
                uses 65,536, or 4 per code if that is more. Defaults to None.
            seed: int, random seed. Defaults to 0.

        Raises:
            ValueError: If there is no codebook to initialize, there are fewer
                vectors than codes, or the vectors have the wrong length.
        """
        if num_vectors is not None:
            check_int("num_vectors", num_vectors)
        seed = check_int("seed", seed, 0, 2**31 - 1)
        vectors = sample_rows(
            (
                to_array(self.prepare(batch)[0]).reshape(-1, self.embedding_dim)
                for batch in batches_of(data, batch_size)
            ),
            num_vectors or max(65_536, 4 * self.num_embeddings),
            seed,
        )
        self.adapt_to(vectors.astype("float32"), seed)

    @property
    def can_adapt(self):
        """Whether there is a codebook that `adapt` initializes."""
        return False

    def adapt_to(self, vectors, seed):
        """Initialize the codebook from a sample of vectors; see `adapt`.

        Args:
            vectors: float32 NumPy array `(N, embedding_dim)`.
            seed: int, random seed of k-means.
        """
        raise ValueError(
            f"{type(self).__name__} `{self.name}` has no codebook to "
            "initialize from data. Train it without calling `adapt`."
        )

    # === For subclasses ===

    def prepare(self, z, mask=None):
        """Check the arguments of `call` and convert them to tensors.

        Args:
            z: float tensor `(..., embedding_dim)`.
            mask: bool tensor `(...)` or None. Defaults to None.

        Returns:
            `z, mask`: tensors. NaN and infinity at invalid positions are
            replaced by 0, since they would turn zero gradients into NaN.
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
        if mask is None:
            return z, None
        mask = ops.cast(mask, "bool")
        shape, expected = tuple(mask.shape), tuple(z.shape[:-1])
        if len(shape) != len(expected) or any(
            None not in (n, m) and n != m for n, m in zip(shape, expected)
        ):
            raise ValueError(
                f"`{self.name}` expects a mask with one value per vector, of "
                f"shape {expected}. Received: mask.shape={shape} for "
                f"z.shape={tuple(z.shape)}"
            )
        keep = ops.logical_or(mask[..., None], ops.isfinite(z))
        return ops.where(keep, z, ops.zeros_like(z)), mask

    def results(self, z, quantized, indices, losses):
        """Return the dict of outputs of `call`, and add the loss if required.

        Args:
            z: float tensor `(..., embedding_dim)`, as returned by `prepare`.
            quantized: float tensor of the shape of `z`.
            indices: int32 tensor.
            losses: dict of scalars: the weighted `loss` and its parts.
        """
        if self.add_losses:
            self.add_loss(losses["loss"])
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": indices,
            **losses,
        }

    def check_code_axis(self, shape):
        """Raise unless `shape` has the right number of codes per vector."""
        count = self.codes_per_position
        if count > 1 and (not shape or shape[-1] != count):
            raise ValueError(
                f"`{self.name}` decodes indices with {count} codes per vector "
                f"on the last axis. Received: indices.shape={shape}"
            )

    # === Keras ===

    def compute_mask(self, inputs, previous_mask):
        if previous_mask is None:
            return None
        names = ("indices", "loss", *self.loss_names)
        return dict.fromkeys(names) | {"quantized": previous_mask}

    def compute_output_spec(self, z, mask=None, training=False):
        scalar = keras.KerasTensor((), "float32")
        count = self.codes_per_position
        last = (count,) if count > 1 else ()
        return {
            "quantized": keras.KerasTensor(z.shape, z.dtype),
            "indices": keras.KerasTensor((*z.shape[:-1], *last), "int32"),
            "loss": scalar,
            **dict.fromkeys(self.loss_names, scalar),
        }

    def _check_values(self, indices):
        if indices.size and not (
            indices.min() >= 0 and indices.max() < self.num_embeddings
        ):
            raise ValueError(
                f"`{self.name}` has codes 0 to {self.num_embeddings - 1}. "
                f"Received: indices from {indices.min()} to {indices.max()}"
            )


def check_quantizer(quantizer):
    """Raise unless `quantizer` can be part of a composed quantizer."""
    check_type(
        "quantizer", quantizer, Quantizer, "a quantizer of keras_vq.layers"
    )
    if quantizer.add_losses:
        raise ValueError(
            "In a composed quantizer, only the outermost layer can add losses. "
            f"Received: `{quantizer.name}` with add_losses=True. Pass "
            "`add_losses=True` to the outer layer instead."
        )
    if quantizer.pools_vectors:
        raise ValueError(
            "A quantizer with strides cannot be part of another one. Received: "
            f"`{quantizer.name}`, whose codes stand for several vectors"
        )
    return quantizer


def make_stages(quantizer, count, shared):
    """Create quantizers with the configuration of the first one.

    Args:
        quantizer: A quantizer, the first in the list.
        count: int, number of quantizers.
        shared: bool, whether to repeat the same quantizer.

    Returns:
        list of quantizers. All seeds, including those of initializers, increase
        by 1 from each quantizer to the next, so that their initial values and
        noise differ.
    """
    if shared:
        return [quantizer] * count
    stages = [quantizer]
    for i in range(1, count):
        config = _reseeded(quantizer.get_config(), i)
        config["name"] = f"{quantizer.name}_{i}"
        stages.append(type(quantizer).from_config(config))
    return stages


def _reseeded(config, shift):
    """Add `shift` to each seed in a configuration.

    Drops the numbers by which Keras, when it loads a model, would give stages
    the same inner quantizer.
    """
    if not isinstance(config, dict):
        return config
    return {
        key: value + shift
        if key == "seed" and isinstance(value, int)
        else _reseeded(value, shift)
        for key, value in config.items()
        if key != "shared_object_id"
    }
