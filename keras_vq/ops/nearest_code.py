import math

from keras import ops

from keras_vq import backend

# Rows assumed where the batch size is unknown while a graph is traced.
UNKNOWN_ROWS = 65_536


def nearest_code(z, embeddings, memory_limit=2**26):
    """Index of the code with the least squared distance to each vector.

    `argmin_k ||z - e_k||^2 = argmax_k (2 z.e_k - ||e_k||^2)`, exact in float32
    whatever the dtype of the inputs. Both sides are first moved to the
    codebook's centre: distances stay the same, and an offset that all vectors
    share costs no digits. Ties go to the lowest index. Scores for all codes at
    once take 4 N K bytes; above `memory_limit` they are computed for a chunk
    of the codes at a time.

    Args:
        z: float tensor `(..., D)`, any number of leading axes, empty or not.
        embeddings: float tensor `(K, D)`.
        memory_limit: int, bytes that the scores may take. Defaults to 64 MiB.

    Returns:
        int32 tensor `(...)`, values in `[0, K)`.

    Example:

    >>> codebook = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> keras_vq.ops.nearest_code(np.array([[0.9, 0.7]]), codebook)
    array([1], dtype=int32)
    """
    z, embeddings = ops.convert_to_tensor(z), ops.convert_to_tensor(embeddings)
    leading = ops.shape(z)[:-1]
    num_embeddings, dim = embeddings.shape
    embeddings = ops.stop_gradient(ops.cast(embeddings, "float32"))
    centre = ops.mean(embeddings, axis=0)
    embeddings = embeddings - centre
    z = ops.stop_gradient(ops.cast(z, "float32"))
    z = ops.reshape(z, (-1, dim)) - centre  # (N, D)

    rows = z.shape[0] if z.shape[0] is not None else UNKNOWN_ROWS
    chunk = max(1, memory_limit // (4 * max(rows, 1)))
    if num_embeddings <= chunk:
        indices = backend.argmax(_scores(z, embeddings))
    else:
        indices = _search_in_chunks(z, embeddings, chunk)
    return ops.reshape(indices, leading)


def _scores(z, embeddings):
    norms = ops.sum(ops.square(embeddings), axis=-1)
    return 2.0 * ops.matmul(z, ops.transpose(embeddings)) - norms  # (N, K)


def _search_in_chunks(z, embeddings, chunk):
    """The best of each chunk against the best so far, in one compiled loop."""
    num_embeddings, dim = embeddings.shape
    num_chunks = math.ceil(num_embeddings / chunk)
    # The last chunk overlaps the one before it: all have one shape, and a
    # code that is seen twice loses to itself.
    last_start = num_embeddings - chunk

    def step(i, best):
        best_score, best_index = best
        start = ops.minimum(i * chunk, last_start)
        scores = _scores(z, ops.slice(embeddings, (start, 0), (chunk, dim)))
        index, score = backend.argmax(scores), ops.max(scores, axis=-1)
        better = score > best_score
        # No `where` for the score: converters to ONNX multiply by its mask, and
        # 0 times the infinity of the start is not a number.
        return (
            ops.maximum(score, best_score),
            ops.where(better, index + ops.cast(start, "int32"), best_index),
        )

    zeros = ops.zeros_like(z[:, 0])
    initial = zeros - float("inf"), ops.cast(zeros, "int32")
    return ops.fori_loop(0, num_chunks, step, initial)[1]
