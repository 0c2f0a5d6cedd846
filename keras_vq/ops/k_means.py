import numpy as np
from keras import ops

from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.nearest_code import nearest_code


def k_means(vectors, num_clusters, num_iterations=10, seed=0):
    """Centres of clusters, by Lloyd's algorithm from random vectors.

    Each iteration moves every centre to the mean of the vectors that are
    nearest to it, and one that none is nearest to to a vector drawn anew. Runs
    outside of compiled functions; draws come from NumPy, the same ones on every
    backend.

    Args:
        vectors: float32 array `(N, D)`, at least as many as clusters.
        num_clusters: int, K.
        num_iterations: int. Defaults to 10.
        seed: int, of the draws. Defaults to 0.

    Returns:
        float32 NumPy array `(K, D)`.

    Raises:
        ValueError: If there are fewer vectors than clusters, or a value is not
            finite.

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
            "k-means needs at least one vector for each cluster. Received: "
            f"{len(vectors)} vectors for {num_clusters} clusters"
        )
    if not np.isfinite(vectors).all():
        raise ValueError(
            "k-means needs finite vectors. Received: "
            f"{np.sum(~np.isfinite(vectors).all(axis=1))} with NaN or infinity"
        )
    rng = np.random.default_rng(seed)

    def drawn(count):
        return vectors[rng.choice(len(vectors), count, replace=False)]

    centres, on_device = drawn(num_clusters), ops.convert_to_tensor(vectors)
    for _ in range(num_iterations):
        indices = nearest_code(on_device, ops.convert_to_tensor(centres))
        counts = ops.convert_to_numpy(code_counts(indices, num_clusters))
        sums = ops.convert_to_numpy(code_sums(on_device, indices, num_clusters))
        is_empty = counts == 0
        centres = sums / np.maximum(counts, 1.0)[:, None]
        centres[is_empty] = drawn(is_empty.sum())
    return centres
