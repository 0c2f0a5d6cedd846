import keras
from keras import ops


class FeatureMoments(keras.metrics.Metric):
    """Running mean and covariance of vectors, without keeping them.

    The deviations of a batch from its own mean are added up, and the distance
    of its mean from the running one is accounted for (Chan et al., 1979), so
    that float32 does for vectors far from zero.

    Args:
        dim: int, length of a vector.
        name: Name of the metric.
    """

    def __init__(self, dim, name=None):
        super().__init__(name=name, dtype="float32")
        self.count = self.add_variable((), "zeros", name="count")
        self.mean = self.add_variable((dim,), "zeros", name="mean")
        self.scatter = self.add_variable((dim, dim), "zeros", name="scatter")

    def update_state(self, vectors):
        """Add `vectors`, float32 tensor `(batch, dim)`; batch may be 0."""
        n = ops.cast(ops.shape(vectors)[0], "float32")
        share = n / ops.maximum(self.count + n, 1.0)
        mean = ops.sum(vectors, axis=0) / ops.maximum(n, 1.0)
        shift = mean - self.mean
        centred = vectors - mean
        scatter = ops.matmul(ops.transpose(centred), centred)
        scatter += ops.outer(shift, shift) * (self.count * share)
        self.scatter.assign_add(scatter)
        self.mean.assign_add(shift * share)
        self.count.assign_add(n)

    def result(self):
        """Mean `(dim,)` and unbiased covariance `(dim, dim)`."""
        covariance = self.scatter / ops.maximum(self.count - 1.0, 1.0)
        return ops.convert_to_tensor(self.mean), covariance
