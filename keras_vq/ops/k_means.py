import numpy as np
from keras import ops

from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.nearest_code import nearest_code


def k_means(vectors, num_clusters, num_iterations=10, seed=0):
    """Cluster vectors with Lloyd's algorithm.

    The centroids start as random vectors. Each iteration moves every centroid
    to the mean of its cluster, and the centroid of an empty cluster to a random
    vector. Not for use in compiled functions. Random draws come from NumPy and
    are the same on every backend.

    Args:
        vectors: float32 array `(N, D)`, N >= K.
        num_clusters: int, K.
        num_iterations: int. Defaults to 10.
        seed: int, random seed. Defaults to 0.

    Returns:
        float32 NumPy array `(K, D)`, the centroids.

    Raises:
        ValueError: If there are fewer vectors than clusters, or if a value is
            not finite.

    Example:

    >>> vectors = np.array([[0.0], [0.2], [5.0], [5.2]], "float32")
    >>> sorted(keras_vq.ops.k_means(vectors, 2).ravel().round(4).tolist())
    [0.10000000149011612, 5.099999904632568]

    References:
        Lloyd, Least Squares Quantization in PCM, 1982.
    """
    vectors = np.asarray(vectors, "float32")
    if len(vectors) < num_clusters:
        raise ValueError(
            "k-means needs at least one vector per cluster. Received: "
            f"{len(vectors)} vectors for {num_clusters} clusters"
        )
    if not np.isfinite(vectors).all():
        raise ValueError(
            "k-means needs finite vectors. Received: NaN or infinity in "
            f"{np.sum(~np.isfinite(vectors).all(axis=1))} of {len(vectors)} "
            "vectors"
        )
    rng = np.random.default_rng(seed)

    def sample(count):
        return vectors[rng.choice(len(vectors), count, replace=False)]

    centroids, on_device = sample(num_clusters), ops.convert_to_tensor(vectors)
    for _ in range(num_iterations):
        indices = nearest_code(on_device, ops.convert_to_tensor(centroids))
        counts = ops.convert_to_numpy(code_counts(indices, num_clusters))
        sums = ops.convert_to_numpy(code_sums(on_device, indices, num_clusters))
        is_empty = counts == 0
        centroids = sums / np.maximum(counts, 1.0)[:, None]
        centroids[is_empty] = sample(is_empty.sum())
    return centroids
