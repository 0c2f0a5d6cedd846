import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.ops.nearest_code import MIN_SCORE
from keras_vq.ops.nearest_code import nearest_code
from keras_vq.ops.nearest_code import over_tiles
from keras_vq.ops.nearest_code import score_table

# Screening is faster with at least this many codes of at most this length.
MIN_CODES, MAX_DIM = 16_384, 32
# Codes per block; the first pass keeps the best score of each block.
BLOCK_SIZE = 64
# Unsettled vectors to search at a time.
RETRY_SIZE = 128


def screened_nearest_code(z, embeddings):
    """Same as `nearest_code`, but faster for large codebooks of short vectors.

    For inference. With many short codes, finding the best score takes longer
    than computing the scores. Here, the scores only need to identify the block
    of 64 codes that holds the best code, so they may be as coarse as the
    device's matrix products. Within that block, scores are summed in float32.

    The error of a score whose factors have unit roundoff u is at most

        error = (2 u + (D + 2) 2^-23) |z| max |code|,

    with u = 0 for float32. A vector is settled if the best scores of all other
    blocks, and then the scores of all other codes in the block, are more than
    `2 error` below the best score. The other vectors (mostly ties and NaN) are
    searched again by `nearest_code`. With fewer than 16,384 codes, or codes
    longer than 32, this is slower and `nearest_code` searches all vectors.

    Args:
        z: float tensor `(..., D)` with any number of leading axes; may be
            empty.
        embeddings: float tensor `(K, D)`.

    Returns:
        int32 tensor `(...)`, equal to the output of `nearest_code`.

    Example:

    >>> codebook = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> keras_vq.ops.screened_nearest_code(np.array([[0.9, 0.7]]), codebook)
    array([1], dtype=int32)
    """
    z, embeddings = ops.convert_to_tensor(z), ops.convert_to_tensor(embeddings)
    leading = ops.shape(z)[:-1]
    num_embeddings, dim = embeddings.shape
    if num_embeddings < MIN_CODES or dim > MAX_DIM or 0 in z.shape:
        return nearest_code(z, embeddings)
    z = ops.reshape(ops.stop_gradient(z), (-1, dim))
    table, offset = score_table(embeddings)  # (K, D + 1)
    longest = ops.max(ops.norm(table, axis=-1))
    rounding = (dim + 2) * 2.0**-23
    coarse = 2 * backend.product_roundoff() + rounding

    if num_embeddings % BLOCK_SIZE:  # pad the last block with the lowest score
        padding = np.zeros((-num_embeddings % BLOCK_SIZE, dim + 1), "float32")
        padding[:, dim] = MIN_SCORE
        table = ops.concatenate([table, padding])
    num_blocks = table.shape[0] // BLOCK_SIZE
    blocks = ops.reshape(table, (num_blocks, BLOCK_SIZE * (dim + 1)))
    columns = ops.transpose(table)

    def search(z):
        z = ops.cast(z, "float32") - offset
        z = ops.concatenate([z, ops.ones_like(z[:, :1])], axis=-1)
        scale = 2 * longest * ops.norm(z, axis=-1)
        scores = ops.reshape(_product(z, columns), (-1, num_blocks, BLOCK_SIZE))
        block, block_is_sure = _best(ops.max(scores, axis=-1), coarse * scale)

        block = ops.minimum(block, num_blocks - 1)  # out of range for NaN
        codes = ops.take(blocks, block, axis=0)
        codes = ops.reshape(codes, (-1, BLOCK_SIZE, dim + 1))
        scores = ops.sum(codes * z[:, None], axis=-1)
        code, code_is_sure = _best(scores, rounding * scale)
        settled = ops.logical_and(block_is_sure, code_is_sure)
        return ops.where(settled, block * BLOCK_SIZE + code, -1)

    vectors = max(1, backend.fast_memory() // 4 // (num_blocks * BLOCK_SIZE))
    indices = over_tiles(search, z, vectors)
    return ops.reshape(_search_unsettled(indices, z, embeddings), leading)


def _best(scores, margin):
    """Index of the best score, and whether it wins by more than the margin."""
    index, score = backend.first_maximum(scores)
    candidates = scores >= (score - margin)[:, None]
    return index, ops.sum(ops.cast(candidates, "int32"), axis=-1) == 1


def _product(a, b):
    """Coarse scores: the device may round the factors."""
    return ops.matmul(a, b)


def _search_unsettled(indices, z, embeddings):
    """Replace indices of -1 by the result of `nearest_code`."""
    rows = ops.shape(z)[0]
    static = isinstance(rows, int)
    size = min(rows, RETRY_SIZE) if static else ops.minimum(rows, RETRY_SIZE)
    unsettled = indices < 0
    order = ops.argsort(ops.cast(ops.logical_not(unsettled), "int32"))
    count = ops.sum(ops.cast(unsettled, "int32"))

    def step(i, indices):
        start = ops.minimum(i * size, rows - size)
        row = ops.slice(order, (start,), (size,))
        found = nearest_code(ops.take(z, row, axis=0), embeddings)
        return ops.scatter_update(indices, row[:, None], found)

    chunks = (count + size - 1) // ops.maximum(size, 1)
    return ops.fori_loop(0, chunks, step, indices)
