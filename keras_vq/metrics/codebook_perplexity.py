import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.ops.code_statistics import code_counts
from keras_vq.saving.config import serializable


@serializable
class CodebookPerplexity(keras.metrics.Metric):
    """Effective number of codes in use: `exp(-sum_k p_k log p_k)`.

    `p_k` is the frequency of code k over all updates since the last reset (one
    epoch in `fit`), not a mean over batches. The result is between 1 (only one
    code is used) and `num_embeddings` (all codes are used equally often), or 0
    before the first update.

    Args:
        num_embeddings: int >= 1, K.
        name: str, name of the metric. Defaults to `"perplexity"`.
        dtype: dtype of the counts. Defaults to float32.

    Example:

    >>> metric = keras_vq.metrics.CodebookPerplexity(num_embeddings=4)
    >>> metric.update_state(np.array([[0, 1], [2, 3]]))
    >>> float(metric.result())
    4.0
    """

    def __init__(self, num_embeddings, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"  # for callbacks and tuners
        self.num_embeddings = check_int("num_embeddings", num_embeddings)
        check_memory(f"num_embeddings={num_embeddings}", num_embeddings)
        self.counts = self.add_variable(
            shape=(num_embeddings,), initializer="zeros", name="counts"
        )

    def update_state(self, indices, sample_weight=None, mask=None):
        """Count codes.

        Args:
            indices: int tensor of any shape.
            sample_weight: Must be None.
            mask: bool tensor of the shape of `indices`, with or without the
                last axis, True for codes to count. None counts all. Defaults
                to None.
        """
        if sample_weight is not None:
            raise ValueError(
                f"`{type(self).__name__}` does not support `sample_weight`. "
                "Received: a `sample_weight`"
            )
        counts = code_counts(indices, self.num_embeddings, mask)
        self.counts.assign_add(ops.cast(counts, self.counts.dtype))

    def result(self):
        counts = ops.convert_to_tensor(self.counts)
        total = ops.sum(counts)
        p = counts / ops.maximum(total, 1.0)
        entropy = -ops.sum(p * ops.log(ops.where(p > 0, p, 1.0)))
        return ops.where(total > 0, ops.exp(entropy), 0.0)
