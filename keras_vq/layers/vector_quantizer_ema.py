import keras
from keras import ops

from keras_vq import backend
from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.ops import code_counts
from keras_vq.ops import code_sums
from keras_vq.ops import mean


@keras.saving.register_keras_serializable(package="keras_vq")
class VectorQuantizerEMA(VectorQuantizer):
    """A `VectorQuantizer` whose codebook is a moving average of its vectors.

    With n the counts and s the sums of the vectors that each code was chosen
    for in the batch, every training step does, after the lookup:

    ```
    counts     = decay * counts + (1 - decay) * n
    sums       = decay * sums   + (1 - decay) * s
    smoothed   = (counts + epsilon) / (total + K * epsilon) * total
    embeddings = sums / smoothed,   total = sum(counts)
    ```

    Then a code whose count has fallen below `revival_threshold` times the mean
    count is revived: it moves to a vector drawn from the batch, with the mean
    count, so that it has time to find followers. The codebook takes no
    gradient, does not change with `training=False`, and one update over
    data-parallel replicas equals one over their joint batch.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of a code, D.
        commitment_cost: float >= 0, weight of the commitment loss (the paper's
            beta). Defaults to 0.25.
        decay: float in (0, 1), the paper's gamma. Defaults to 0.99.
        epsilon: float > 0, Laplace smoothing of the counts. Defaults to 1e-5.
        revival_threshold: float in [0, 1) or None. Share of the mean count
            under which a code is revived; None never revives. Defaults to 0.1.
        seed: int or None, of the draws for revived codes. Defaults to None.
        **kwargs: `distance`, `estimator` and others of `VectorQuantizer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool, whether to update the codebook.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`, values equal to codes exactly.
        `indices`: int32, shape of `z` without its last axis.
        `loss`: float32 scalar, `commitment_cost * commitment_loss`.
        `commitment_loss`: float32 scalar.

    Raises:
        ValueError: If an argument is out of range, if `codebook_cost` or a
            regularizer of the codebook is given, which learns by no loss, if
            the last axis of `z` is not `embedding_dim`, or `mask` has another
            shape than the positions.

    Example:

    >>> layer = keras_vq.layers.VectorQuantizerEMA(512, 64, decay=0.99)
    >>> outputs = layer(np.random.normal(size=(8, 7, 7, 64)), training=True)
    >>> sorted(outputs)
    ['commitment_loss', 'indices', 'loss', 'quantized']

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        appendix A.1.
    """

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        commitment_cost=0.25,
        decay=0.99,
        epsilon=1e-5,
        revival_threshold=0.1,
        seed=None,
        **kwargs,
    ):
        if "codebook_cost" in kwargs:
            raise ValueError(
                "The codebook of VectorQuantizerEMA learns by averages, not by "
                "a loss. Received: codebook_cost="
                f"{kwargs['codebook_cost']}. Leave it out, or use "
                "VectorQuantizer."
            )
        super().__init__(
            num_embeddings, embedding_dim, commitment_cost, **kwargs
        )
        self.loss_names = self.loss_names[1:]  # without the codebook's
        for regularizer in self.regularizers:
            if not regularizer.sees_vectors:
                raise ValueError(
                    "The codebook of VectorQuantizerEMA takes no gradient. "
                    f"Received: the regularizer {type(regularizer).__name__}, "
                    "which is of the codebook alone. Use VectorQuantizer."
                )
        if not 0 < decay < 1:
            raise ValueError(
                f"`decay` must be in (0, 1). Received: decay={decay}"
            )
        if epsilon <= 0:
            raise ValueError(
                f"`epsilon` must be positive. Received: epsilon={epsilon}"
            )
        if revival_threshold is not None and not 0 <= revival_threshold < 1:
            raise ValueError(
                "`revival_threshold` is a share of the mean count and must be "
                "in [0, 1), or None. Received: "
                f"revival_threshold={revival_threshold}"
            )
        self.decay = decay
        self.epsilon = epsilon
        self.revival_threshold = revival_threshold
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape=None):
        if self.built:
            return
        # Every replica computes the same update: keep the first one's.
        state = {"trainable": False, "aggregation": "only_first_replica"}
        self.embeddings = self.add_codebook(**state)
        state |= {"dtype": "float32", "autocast": False}
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
        # One observation each, of itself: an unused code stays where it is.
        self.sums.assign(ops.copy(self.embeddings))
        self.built = True

    def codebook(self):
        # A copy, because the update that follows changes the codebook in
        # place and some backends forbid that to a tensor in use.
        return self.normalized(ops.stop_gradient(ops.copy(self.embeddings)))

    def assign_codes(self, codes):
        super().assign_codes(codes)
        self.counts.assign(ops.ones((self.num_embeddings,)))
        self.sums.assign(ops.copy(self.embeddings))

    def compute_losses(self, z, codes, mask):
        commitment_loss = mean(ops.square(z - codes), mask)
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
        seen = ops.sum(n) > 0  # a batch may have no valid vectors at all
        decay = ops.where(seen, self.decay, 1.0)
        gain = ops.where(seen, 1 - self.decay, 0.0)
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
            vectors = self.draw_vectors(z, mask)
            counts = ops.where(dead, mean_count, counts)
            sums = ops.where(dead[:, None], mean_count * vectors, sums)
            embeddings = ops.where(dead[:, None], vectors, embeddings)

        self.counts.assign(counts)
        self.sums.assign(sums)
        self.embeddings.assign(embeddings)

    def draw_vectors(self, z, mask):
        """One valid vector of the joint batch of all replicas for each code.

        Every replica draws the same rows of the joint batch, in which the
        replicas' batches follow each other, and gives those that it holds.
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
        # Row 0 of the padded batch stands for "another replica has it".
        row = ops.where(held, row + 1, 0)
        padded = ops.pad(z, [[1, 0], [0, 0]])
        return backend.all_sum(ops.take(padded, row, axis=0))[0]

    def get_config(self):
        config = super().get_config()
        del config["codebook_cost"]
        return {
            **config,
            "decay": self.decay,
            "epsilon": self.epsilon,
            "revival_threshold": self.revival_threshold,
            "seed": self.seed,
        }
