from keras import ops

from keras_vq.metrics.codebook_perplexity import CodebookPerplexity
from keras_vq.saving.config import serializable


@serializable
class CodebookUsage(CodebookPerplexity):
    """Fraction of the codes used at least once since the last reset.

    Args:
        num_embeddings: int >= 1, K.
        name: str, name of the metric. Defaults to `"codebook_usage"`.
        dtype: dtype of the counts. Defaults to float32.

    Example:

    >>> metric = keras_vq.metrics.CodebookUsage(num_embeddings=4)
    >>> metric.update_state(np.array([0, 1, 1]))
    >>> float(metric.result())
    0.5
    """

    def __init__(self, num_embeddings, name="codebook_usage", dtype=None):
        super().__init__(num_embeddings, name=name, dtype=dtype)

    def result(self):
        used = ops.convert_to_tensor(self.counts) > 0
        return ops.mean(ops.cast(used, self.counts.dtype))
