import keras
from keras import ops


class FeatureMoments(keras.metrics.Metric):
    """Streaming mean and covariance of vectors.

    Each batch adds the scatter around its own mean and a correction for the
    distance to the running mean (Chan et al., 1979), so that float32 is
    accurate for vectors far from zero.

    Args:
        dim: int, length of a vector.
        name: str or None, name of the metric. Defaults to None.
    """

    def __init__(self, dim, name=None):
        super().__init__(name=name, dtype="float32")
        self.count = self.add_variable((), "zeros", name="count")
        self.mean = self.add_variable((dim,), "zeros", name="mean")
        self.scatter = self.add_variable((dim, dim), "zeros", name="scatter")

    def update_state(self, vectors):
        """Add `vectors`, float32 tensor `(batch, dim)`; may be empty."""
        n = ops.cast(ops.shape(vectors)[0], "float32")
        share = n / ops.maximum(self.count + n, 1.0)
        mean = ops.sum(vectors, axis=0) / ops.maximum(n, 1.0)
        shift = mean - self.mean
        centered = vectors - mean
        scatter = ops.matmul(ops.transpose(centered), centered)
        scatter += ops.outer(shift, shift) * (self.count * share)
        self.scatter.assign_add(scatter)
        self.mean.assign_add(shift * share)
        self.count.assign_add(n)

    def result(self):
        """Mean `(dim,)` and unbiased covariance `(dim, dim)`."""
        covariance = self.scatter / ops.maximum(self.count - 1.0, 1.0)
        return ops.convert_to_tensor(self.mean), covariance
