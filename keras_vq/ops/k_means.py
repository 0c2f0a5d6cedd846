import numpy as np
from keras import ops

from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.nearest_code import nearest_code

# The start is drawn from this many random vectors per cluster.
_SAMPLE = 16
# Centroids drawn at a time: one for each so many that there are.
_GROWTH = 64
# Up to so many centroids, each draw is the best of several.
_CAREFUL = 256
# Vectors per matrix of distances.
_ROWS = 8192


def k_means(vectors, num_clusters, num_iterations=10, seed=0):
    """Cluster vectors with Lloyd's algorithm.

    The centroids start far from each other, by greedy k-means++ on a sample:
    each is drawn with a probability proportional to the squared distance to
    the nearest centroid so far, and of several draws the one that lowers the
    error most is kept. Each iteration moves every centroid to the mean of its
    cluster, and the centroid of an empty cluster to a random vector. Not for
    use in compiled functions. Random draws come from NumPy and are the same on
    every backend.

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
        Arthur and Vassilvitskii, k-means++: The Advantages of Careful Seeding,
        2007.
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
    sample = vectors
    if len(vectors) > _SAMPLE * num_clusters:
        sample = rng.choice(vectors, _SAMPLE * num_clusters, replace=False)
    centroids = sample[_distant_vectors(sample, num_clusters, rng)]
    on_device = ops.convert_to_tensor(vectors)
    for _ in range(num_iterations):
        indices = nearest_code(on_device, ops.convert_to_tensor(centroids))
        counts = ops.convert_to_numpy(code_counts(indices, num_clusters))
        sums = ops.convert_to_numpy(code_sums(on_device, indices, num_clusters))
        is_empty = counts == 0
        centroids = sums / np.maximum(counts, 1.0)[:, None]
        centroids[is_empty] = rng.choice(vectors, is_empty.sum(), False)
    return centroids


def _distant_vectors(vectors, count, rng):
    """Draw centroids by greedy k-means++.

    Args:
        vectors: float32 array `(N, D)`.
        count: int, number of centroids.
        rng: `np.random.Generator`.

    Returns:
        int array `(count,)`, indices of distinct vectors.
    """
    vectors = vectors - vectors.mean(axis=0, keepdims=True)
    chosen = rng.integers(len(vectors), size=1)
    error, _ = _error_with(vectors, np.inf, chosen[:, None])
    while len(chosen) < count:
        draws = min(max(1, len(chosen) // _GROWTH), count - len(chosen))
        trials = 2 + int(np.log(count)) if len(chosen) < _CAREFUL else 1
        total = error.sum(dtype="float64")
        if total == 0.0:  # fewer distinct vectors than clusters
            rest = np.setdiff1d(np.arange(len(vectors)), chosen)
            drawn = rng.choice(rest, count - len(chosen), replace=False)
        else:
            drawn = rng.choice(
                len(vectors), (trials, draws), p=error.astype("float64") / total
            )
            error, best = _error_with(vectors, error, drawn)
            drawn = np.unique(drawn[best])
        chosen = np.concatenate([chosen, drawn])
    return chosen


def _error_with(vectors, error, trials):
    """The squared distances to the nearest centroid after the best trial.

    Args:
        vectors: float32 array `(N, D)`.
        error: float32 array `(N,)`, the squared distances before.
        trials: int array `(trials, draws)`, vectors to add as centroids.

    Returns:
        `error, best`: float32 array `(N,)` and the index of the trial.
    """
    codes = vectors[trials.ravel()]
    norms = np.square(vectors).sum(axis=1)
    found = np.empty((len(trials), len(vectors)), "float32")
    for start in range(0, len(vectors), _ROWS):
        rows = slice(start, start + _ROWS)
        squared = norms[trials.ravel()] - 2.0 * (vectors[rows] @ codes.T)
        squared = squared.reshape(-1, *trials.shape).min(axis=2)
        found[:, rows] = (squared + norms[rows, None]).T
    found = np.minimum(np.maximum(found, 0.0), error)
    best = found.sum(axis=1).argmin()
    nearest = found[best]
    nearest[trials[best]] = 0.0  # where rounding left more
    return nearest, best
