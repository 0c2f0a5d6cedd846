from keras import ops

from keras_vq import backend


def code_counts(indices, num_embeddings, mask=None):
    """Count how often each code occurs.

    Uses a segment sum, which needs O(N + K) memory.

    Args:
        indices: int tensor of any shape, values in `[0, num_embeddings)`.
        num_embeddings: int, K.
        mask: bool tensor of the shape of `indices`, or of that shape without
            the last axis if it holds several codes per position; False for
            indices to ignore. None to count all. Defaults to None.

    Returns:
        float32 tensor `(num_embeddings,)`.

    Example:

    >>> keras_vq.ops.code_counts(np.array([0, 2, 2]), 3)
    array([1., 0., 2.], dtype=float32)
    """
    indices = ops.convert_to_tensor(indices)
    counted = ops.ones(ops.shape(indices), "float32")
    if mask is not None:
        mask = ops.cast(mask, "float32")
        if len(mask.shape) < len(indices.shape):
            mask = mask[..., None]
        counted = counted * mask
    indices, counted = ops.reshape(indices, (-1,)), ops.reshape(counted, (-1,))
    return backend.segment_sum(counted, indices, num_embeddings)


def code_sums(vectors, indices, num_embeddings, mask=None):
    """Sum the vectors assigned to each code.

    Uses a segment sum, which needs O(N D + K D) memory.

    Args:
        vectors: float tensor `(..., D)`.
        indices: int tensor `(...)`, values in `[0, num_embeddings)`.
        num_embeddings: int, K.
        mask: bool tensor `(...)`, False for vectors to ignore, or None to sum
            all. Defaults to None.

    Returns:
        float32 tensor `(num_embeddings, D)`.

    Example:

    >>> keras_vq.ops.code_sums(np.array([[1.0], [2.0]]), np.array([1, 1]), 2)
    array([[0.], [3.]], dtype=float32)
    """
    vectors = ops.cast(vectors, "float32")
    if mask is not None:
        vectors = ops.where(mask[..., None], vectors, 0.0)
    vectors = ops.reshape(vectors, (-1, vectors.shape[-1]))
    return backend.segment_sum(
        vectors, ops.reshape(indices, (-1,)), num_embeddings
    )
