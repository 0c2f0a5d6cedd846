import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.ops.nearest_code import LEAST
from keras_vq.ops.nearest_code import nearest_code
from keras_vq.ops.nearest_code import over_tiles
from keras_vq.ops.nearest_code import score_table

# Where it pays: with so many codes, of so few numbers at most.
MANY, SHORT = 16_384, 32
# Codes whose best score stands for them.
BLOCK = 64
# Vectors that are searched again at a time.
AGAIN = 128


def screened_nearest_code(z, embeddings):
    """`nearest_code`, for inference: faster with many codes of few numbers.

    Finding the best of many short codes takes longer than computing their
    scores. Here scores only have to tell which block of 64 codes holds the best
    one, and may be as coarse as the device's products of matrices are; within
    that block, scores are sums in float32.

    A score from factors that were rounded to u errs by at most

        error = (2 u + (D + 2) 2^-23) |z| max |code|,

    one in float32 by that with u = 0. So a vector is settled if the best score
    of every other block, and then that of every other code of the block, is
    more than `2 error` below the best. Vectors that are not (ties, above all)
    and what is no number are searched again by `nearest_code`, and so are all
    with fewer than 16,384 codes or more than 32 numbers each, where this takes
    longer.

    Args:
        z: float tensor `(..., D)`, any number of leading axes, empty or not.
        embeddings: float tensor `(K, D)`.

    Returns:
        int32 tensor `(...)`, that of `nearest_code`.

    Example:

    >>> codebook = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> keras_vq.ops.screened_nearest_code(np.array([[0.9, 0.7]]), codebook)
    array([1], dtype=int32)
    """
    z, embeddings = ops.convert_to_tensor(z), ops.convert_to_tensor(embeddings)
    leading = ops.shape(z)[:-1]
    num_embeddings, dim = embeddings.shape
    if num_embeddings < MANY or dim > SHORT or 0 in z.shape:
        return nearest_code(z, embeddings)
    z = ops.reshape(ops.stop_gradient(z), (-1, dim))
    table, offset = score_table(embeddings)  # (K, D + 1)
    longest = ops.max(ops.norm(table, axis=-1))
    rounding = (dim + 2) * 2.0**-23
    coarse = 2 * backend.product_roundoff() + rounding

    if num_embeddings % BLOCK:  # the rest of a block has the least of scores
        filler = np.zeros((-num_embeddings % BLOCK, dim + 1), "float32")
        filler[:, dim] = LEAST
        table = ops.concatenate([table, filler])
    num_blocks = table.shape[0] // BLOCK
    blocks = ops.reshape(table, (num_blocks, BLOCK * (dim + 1)))
    columns = ops.transpose(table)

    def search(z):
        z = ops.cast(z, "float32") - offset
        z = ops.concatenate([z, ops.ones_like(z[:, :1])], axis=-1)
        scale = 2 * longest * ops.norm(z, axis=-1)
        scores = ops.reshape(_product(z, columns), (-1, num_blocks, BLOCK))
        block, block_is_sure = _best(ops.max(scores, axis=-1), coarse * scale)

        block = ops.minimum(block, num_blocks - 1)  # NaN has none
        codes = ops.take(blocks, block, axis=0)
        codes = ops.reshape(codes, (-1, BLOCK, dim + 1))
        scores = ops.sum(codes * z[:, None], axis=-1)
        code, code_is_sure = _best(scores, rounding * scale)
        settled = ops.logical_and(block_is_sure, code_is_sure)
        return ops.where(settled, block * BLOCK + code, -1)

    vectors = max(1, backend.fast_memory() // 4 // (num_blocks * BLOCK))
    indices = over_tiles(search, z, vectors)
    return ops.reshape(_searched_again(indices, z, embeddings), leading)


def _best(scores, margin):
    """Index of the best score, and whether all others are below the margin."""
    index, score = backend.first_maximum(scores)
    left = scores >= (score - margin)[:, None]
    return index, ops.sum(ops.cast(left, "int32"), axis=-1) == 1


def _product(a, b):
    """The coarse scores; the device may round what it multiplies."""
    return ops.matmul(a, b)


def _searched_again(indices, z, embeddings):
    """The indices, those of -1 replaced by `nearest_code`'s."""
    rows = ops.shape(z)[0]
    static = isinstance(rows, int)
    size = min(rows, AGAIN) if static else ops.minimum(rows, AGAIN)
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
