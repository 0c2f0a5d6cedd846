import math

import numpy as np
from keras import ops

from keras_vq import backend

# Less than any score.
LEAST = float(np.finfo("float32").min)


def nearest_code(z, embeddings, memory_limit=None):
    """Index of the code with the least squared distance to each vector.

    `argmin_k ||z - e_k||^2 = argmax_k (z.e_k - ||e_k||^2 / 2)`, exact in
    float32 whatever the dtype of the inputs. An offset that is large beside the
    codes' spread is first taken off both sides: distances stay the same, and it
    costs no digits. Ties go to the lowest index. Scores of all vectors
    with all codes would take 4 N K bytes; above `memory_limit` they are
    computed for a tile of vectors and codes at a time, and only the best of
    each tile is kept.

    On GPUs TensorFlow rounds what it multiplies to TF32, unless it is told not
    to by `tf.config.experimental.enable_tensor_float_32_execution(False)`.

    Args:
        z: float tensor `(..., D)`, any number of leading axes, empty or not.
        embeddings: float tensor `(K, D)`.
        memory_limit: int, bytes that the scores may take; None for what is
            fast: 4 MiB on CPUs, whose caches hold a tile until its best is
            found, 256 MiB elsewhere. Defaults to None.

    Returns:
        int32 tensor `(...)`, values in `[0, K)`; 0 where no distance is a
        number.

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

    # Square tiles read the least; few codes leave room for more vectors.
    scores = max(1, (memory_limit or backend.fast_memory()) // 4)
    codes = min(num_embeddings, math.isqrt(scores))
    vectors = scores // codes

    def search(z):
        z = ops.cast(z, "float32") - offset
        z = ops.concatenate([z, ops.ones_like(z[:, :1])], axis=-1)
        return _best_code(z, table, codes)

    return ops.reshape(over_tiles(search, z, vectors), leading)


def score_table(embeddings):
    """What vectors are multiplied with for their scores.

    Args:
        embeddings: float tensor `(K, D)`.

    Returns:
        `table, offset`: float32 tensors `(K, D + 1)` and `(D,)`. Scores are the
        products of `table` with vectors less `offset` that end in a 1, which
        meets the norms: no other pass over N x K numbers adds them.
    """
    embeddings = ops.stop_gradient(ops.cast(embeddings, "float32"))
    mean = ops.mean(embeddings, axis=0)
    spread = ops.max(ops.abs(embeddings - mean), axis=0)
    # Where it gains little it would round, and so break ties.
    offset = ops.where(ops.abs(mean) > 4.0 * spread, mean, 0.0)
    embeddings = embeddings - offset
    norms = ops.sum(ops.square(embeddings), axis=-1, keepdims=True)
    return ops.concatenate([embeddings, -0.5 * norms], axis=-1), offset


def over_tiles(search, z, size):
    """`search(z)`, for at most `size` vectors at a time."""
    rows, dim = ops.shape(z)
    if isinstance(rows, int) and rows <= size:
        return search(z)
    # The last tile overlaps the one before it: all have one shape.
    size = ops.minimum(rows, size) if not isinstance(rows, int) else size
    indices = ops.zeros_like(z[:, 0], dtype="int32")

    def step(i, indices):
        start = ops.minimum(i * size, rows - size)
        tile = ops.slice(z, (start, 0), (size, dim))
        return backend.write_rows(indices, start, search(tile))

    num_tiles = (rows + size - 1) // ops.maximum(size, 1)
    return ops.fori_loop(0, num_tiles, step, indices)


def _best_code(z, table, size):
    """The best of each `size` codes against the best so far."""
    dim, num_embeddings = table.shape
    last_start = num_embeddings - size

    def step(i, best):
        best_score, best_index = best
        start = ops.minimum(i * size, last_start)
        # A code that is seen twice, by tiles that overlap, loses to itself.
        tile = ops.slice(table, (0, start), (dim, size))
        index, score = backend.first_maximum(backend.float32_matmul(z, tile))
        better = score > best_score  # which NaN never is
        return (
            ops.where(better, score, best_score),
            ops.where(better, index + ops.cast(start, "int32"), best_index),
        )

    zeros = ops.zeros_like(z[:, 0])
    # Not infinity: converters to ONNX multiply a `where` by its mask.
    best = zeros + LEAST, ops.cast(zeros, "int32")
    if size == num_embeddings:
        return step(0, best)[1]
    return ops.fori_loop(0, math.ceil(num_embeddings / size), step, best)[1]
