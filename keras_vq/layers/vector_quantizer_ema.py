import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.checks import check_type
from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable


@serializable
class VectorQuantizerEMA(VectorQuantizer):
    """A `VectorQuantizer` whose codebook is updated by moving averages.

    Let n be the number of vectors in the batch that are assigned to each code,
    and s their sum. After the lookup, every training step computes:

    ```
    counts     = decay * counts + (1 - decay) * n
    sums       = decay * sums   + (1 - decay) * s
    smoothed   = (counts + epsilon) / (total + K * epsilon) * total
    embeddings = sums / smoothed,   total = sum(counts)
    ```

    Codes whose count falls below `revival_threshold` times the mean count are
    then revived: each moves to a random vector of the batch and gets the mean
    count, which gives it time to attract vectors. The codebook gets no gradient
    and does not change with `training=False`, nor once the layer or its model
    is frozen by `trainable = False`. An update over data-parallel replicas
    equals an update over their global batch.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of a code, D.
        commitment_cost: float >= 0, weight of the commitment loss (the paper's
            beta). Defaults to 0.25.
        decay: float in (0, 1), the paper's gamma. Defaults to 0.99.
        epsilon: float > 0, Laplace smoothing of the counts. Defaults to 1e-5.
        revival_threshold: float in [0, 1) or None, fraction of the mean count
            below which a code is revived. None disables revival. Defaults to
            0.1.
        decay_warmup: bool, whether the decay of step t = 0, 1, ... is at most
            `(1 + t) / (10 + t)`. The codebook then follows the encoder closely
            while that changes fast, and codes that fall out of use are revived
            at once: many more codes are in use after few steps. The factories
            of `keras_vq.zoo` turn it on. Defaults to False.
        seed: int or None, random seed of revivals. Defaults to None.
        distance, estimator, regularizers, embeddings_initializer: See
            `VectorQuantizer`.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, whether to update the codebook. Defaults to False.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`, exactly equal to the
            codes.
        `indices`: int32 tensor of the shape of `z` without its last axis.
        `loss`: float32 scalar, `commitment_cost * commitment_loss`.
        `commitment_loss` and one entry per regularizer: float32 scalars,
            unweighted.

    Raises:
        ValueError: If an argument is out of range, if a regularizer only
            depends on the codebook, which gets no gradient, if the last axis of
            `z` is not `embedding_dim`, or if the shape of `mask` does not match
            the positions.

    Example:

    >>> layer = keras_vq.layers.VectorQuantizerEMA(512, 64, decay=0.99)
    >>> outputs = layer(np.random.normal(size=(8, 7, 7, 64)), training=True)
    >>> sorted(outputs)
    ['commitment_loss', 'indices', 'loss', 'quantized']

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        appendix A.1.
    """

    # Every replica computes the same update.
    codebook_options = {
        "trainable": False,
        "aggregation": "only_first_replica",
    }

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        commitment_cost=0.25,
        decay=0.99,
        epsilon=1e-5,
        revival_threshold=0.1,
        decay_warmup=False,
        seed=None,
        distance="l2",
        estimator="straight_through",
        regularizers=(),
        embeddings_initializer="random_uniform",
        **kwargs,
    ):
        if "codebook_cost" in kwargs:
            raise ValueError(
                "The codebook of VectorQuantizerEMA is a moving average and "
                "has no loss. Received: codebook_cost="
                f"{kwargs['codebook_cost']}. Remove it, or use VectorQuantizer."
            )
        super().__init__(
            num_embeddings,
            embedding_dim,
            commitment_cost,
            distance=distance,
            estimator=estimator,
            regularizers=regularizers,
            embeddings_initializer=embeddings_initializer,
            **kwargs,
        )
        self.loss_names = self.loss_names[1:]  # no codebook loss
        for regularizer in self.regularizers:
            if not regularizer.depends_on_vectors:
                raise ValueError(
                    "The codebook of VectorQuantizerEMA gets no gradient. "
                    f"Received: the regularizer {type(regularizer).__name__}, "
                    "which only depends on the codebook. Use VectorQuantizer."
                )
        self.decay = check_number("decay", decay, above=0, below=1)
        self.epsilon = check_number("epsilon", epsilon, above=0)
        if revival_threshold is not None:
            revival_threshold = check_number(
                "revival_threshold", revival_threshold, at_least=0, below=1
            )
        self.revival_threshold = revival_threshold
        self.decay_warmup = check_type(
            "decay_warmup", decay_warmup, bool, "a bool"
        )
        self.seed = check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        state = self.codebook_options | {"dtype": "float32", "autocast": False}
        self.counts = self.add_weight(
            name="counts",
            shape=(self.num_embeddings,),
            initializer="ones",
            **state,
        )
        self.sums = self.add_weight(
            name="sums",
            shape=(self.num_embeddings, self.embedding_dim),
            initializer="zeros",
            **state,
        )
        if self.decay_warmup:
            self.num_updates = self.add_weight(
                name="num_updates",
                shape=(),
                initializer="zeros",
                **(state | {"dtype": "int32"}),
            )
        # Each code starts with itself as its only observation, so that unused
        # codes do not move.
        self.sums.assign(ops.copy(self.embeddings))

    def codebook(self):
        # A copy, since some backends forbid in-place updates of a tensor in
        # use.
        return self.normalized(ops.stop_gradient(ops.copy(self.embeddings)))

    def assign_codes(self, codes):
        super().assign_codes(codes)
        self.counts.assign(ops.ones((self.num_embeddings,), "float32"))
        self.sums.assign(ops.copy(self.embeddings))

    def compute_losses(self, z, codes, mask):
        commitment_loss = masked_mean(ops.square(z - codes), mask)
        return {
            "loss": self.commitment_cost * commitment_loss,
            "commitment_loss": commitment_loss,
        }

    def update_codebook(self, z, indices, mask):
        z = ops.stop_gradient(z)
        n, s = backend.all_sum(
            code_counts(indices, self.num_embeddings, mask),
            code_sums(z, indices, self.num_embeddings, mask),
        )
        seen = ops.sum(n) > 0  # False if the batch has no valid vectors
        decay = ops.where(seen, self.current_decay(), 1.0)
        gain = ops.where(seen, 1 - self.current_decay(), 0.0)
        counts = decay * self.counts + gain * n
        sums = decay * self.sums + gain * s
        total = ops.sum(counts)
        smoothed = (
            (counts + self.epsilon)
            / (total + self.num_embeddings * self.epsilon)
            * total
        )
        embeddings = sums / smoothed[:, None]

        if self.revival_threshold is not None:
            mean_count = total / self.num_embeddings
            dead = counts < self.revival_threshold * mean_count
            dead = ops.logical_and(dead, seen)
            vectors = self.draw_vectors(z, mask)  # (K, D)
            counts = ops.where(dead, mean_count, counts)
            sums = ops.where(dead[:, None], mean_count * vectors, sums)
            embeddings = ops.where(dead[:, None], vectors, embeddings)

        if self.decay_warmup:
            self.num_updates.assign_add(ops.cast(seen, "int32"))
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.embeddings.assign(embeddings)

    def current_decay(self):
        """The decay of this step, a float or a float32 scalar."""
        if not self.decay_warmup:
            return self.decay
        t = ops.cast(self.num_updates, "float32")
        return ops.minimum(self.decay, (1.0 + t) / (10.0 + t))

    def draw_vectors(self, z, mask):
        """Draw a valid vector of the global batch for each code.

        Every replica draws the same rows of the global batch, the concatenation
        of the replicas' batches, and contributes the rows that it holds.
        """
        replica, num_replicas = backend.replica()
        z = ops.reshape(z, (-1, self.embedding_dim))
        rows = ops.cast(ops.shape(z)[0], "float32")
        if mask is not None:
            valid = ops.cumsum(ops.cast(ops.reshape(mask, (-1,)), "int32"))
            rows = ops.sum(ops.cast(mask, "float32"))
        mine = ops.one_hot(replica, num_replicas, dtype="float32")
        (sizes,) = backend.all_sum(mine * rows)
        offset = ops.sum(
            ops.where(ops.arange(num_replicas) < replica, sizes, 0)
        )
        draw = keras.random.uniform(
            (self.num_embeddings,), seed=self.seed_generator
        )
        total = ops.sum(sizes)
        row = ops.minimum(ops.floor(draw * total), total - 1) - offset
        held = ops.logical_and(row >= 0, row < rows)
        row = ops.cast(row, "int32")
        if mask is not None:
            row = ops.cast(ops.searchsorted(valid, row + 1), "int32")
        # Row 0 of the padded batch is zero, for rows held by other replicas.
        row = ops.where(held, row + 1, 0)
        padded = ops.pad(z, [[1, 0], [0, 0]])
        return backend.all_sum(ops.take(padded, row, axis=0))[0]
