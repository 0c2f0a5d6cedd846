import math

import numpy as np
from keras import ops

from keras_vq import backend

# A lower bound of all scores.
MIN_SCORE = float(np.finfo("float32").min)


def nearest_code(z, embeddings, memory_limit=None):
    """Index of the nearest code to each vector, by squared distance.

    Computes `argmin_k ||z - e_k||^2 = argmax_k (z.e_k - ||e_k||^2 / 2)` in full
    float32 precision for any input dtype. If the mean of the codes is large
    relative to their spread, it is first subtracted from codes and vectors,
    which preserves the distances and avoids cancellation. Ties go to the lowest
    index. The scores of all pairs would take 4 N K bytes; above `memory_limit`,
    they are computed for one tile of vectors and codes at a time, keeping only
    the best code of each tile.

    On GPUs, TensorFlow rounds the factors of matrix products to TF32. Call
    `tf.config.experimental.enable_tensor_float_32_execution(False)` to use
    float32.

    Args:
        z: float tensor `(..., D)` with any number of leading axes; may be
            empty.
        embeddings: float tensor `(K, D)`.
        memory_limit: int or None, maximum size of the scores in bytes. None
            selects a fast size: 4 MiB on CPUs, where a tile then stays in
            cache, and 256 MiB elsewhere. Defaults to None.

    Returns:
        int32 tensor `(...)`, values in `[0, K)`; 0 if all distances are NaN.

    Example:

    >>> codebook = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> keras_vq.ops.nearest_code(np.array([[0.9, 0.7]]), codebook)
    array([1], dtype=int32)
    """
    z, embeddings = ops.convert_to_tensor(z), ops.convert_to_tensor(embeddings)
    leading = ops.shape(z)[:-1]
    num_embeddings, dim = embeddings.shape
    table, offset = score_table(embeddings)
    table = ops.transpose(table)  # (D + 1, K)
    z = ops.reshape(ops.stop_gradient(z), (-1, dim))  # (N, D)

    # Square tiles read the least memory. With few codes, tiles hold more
    # vectors.
    scores = max(1, (memory_limit or backend.fast_memory()) // 4)
    codes = min(num_embeddings, math.isqrt(scores))
    vectors = scores // codes

    def search(z):
        z = ops.cast(z, "float32") - offset
        z = ops.concatenate([z, ops.ones_like(z[:, :1])], axis=-1)
        return _best_code(z, table, codes)

    return ops.reshape(over_tiles(search, z, vectors), leading)


def score_table(embeddings):
    """Matrix that maps vectors to their scores.

    Args:
        embeddings: float tensor `(K, D)`.

    Returns:
        `table, offset`: float32 tensors `(K, D + 1)` and `(D,)`. The scores of
        a vector are `table @ [z - offset, 1]`. The last column of `table` holds
        the norms, which saves a second pass over N x K scores to add them.
    """
    embeddings = ops.stop_gradient(ops.cast(embeddings, "float32"))
    mean = ops.mean(embeddings, axis=0)
    spread = ops.max(ops.abs(embeddings - mean), axis=0)
    # Subtracting a small mean gains little, and its rounding breaks ties.
    offset = ops.where(ops.abs(mean) > 4.0 * spread, mean, 0.0)
    embeddings = embeddings - offset
    norms = ops.sum(ops.square(embeddings), axis=-1, keepdims=True)
    return ops.concatenate([embeddings, -0.5 * norms], axis=-1), offset


def over_tiles(search, z, size):
    """Apply `search` to at most `size` vectors at a time."""
    rows, dim = ops.shape(z)
    if isinstance(rows, int) and rows <= size:
        return search(z)
    # The last tile overlaps the previous one, so all have the same shape.
    size = ops.minimum(rows, size) if not isinstance(rows, int) else size
    indices = ops.zeros_like(z[:, 0], dtype="int32")

    def step(i, indices):
        start = ops.minimum(i * size, rows - size)
        tile = ops.slice(z, (start, 0), (size, dim))
        return backend.write_rows(indices, start, search(tile))

    num_tiles = (rows + size - 1) // ops.maximum(size, 1)
    return ops.fori_loop(0, num_tiles, step, indices)


def _best_code(z, table, size):
    """Search `size` codes at a time, keeping the best code so far."""
    dim, num_embeddings = table.shape
    last_start = num_embeddings - size

    def step(i, best):
        best_score, best_index = best
        start = ops.minimum(i * size, last_start)
        # Tiles may overlap. A repeated code only ties with itself and does not
        # replace the best code.
        tile = ops.slice(table, (0, start), (dim, size))
        index, score = backend.first_maximum(backend.float32_matmul(z, tile))
        better = score > best_score  # false for NaN
        return (
            ops.where(better, score, best_score),
            ops.where(better, index + ops.cast(start, "int32"), best_index),
        )

    zeros = ops.zeros_like(z[:, 0])
    # Not infinity: ONNX converters multiply the branches of `where` by a mask.
    best = zeros + MIN_SCORE, ops.cast(zeros, "int32")
    if size == num_embeddings:
        return step(0, best)[1]
    return ops.fori_loop(0, math.ceil(num_embeddings / size), step, best)[1]
