from keras import ops

from keras_vq import backend


def code_counts(indices, num_embeddings):
    """How often each code occurs, by a segment sum: memory O(N + K).

    Args:
        indices: int tensor of any shape, values in `[0, num_embeddings)`.
        num_embeddings: int, K.

    Returns:
        float32 tensor `(num_embeddings,)`.

    Example:

    >>> keras_vq.ops.code_counts(np.array([0, 2, 2]), 3)
    array([1., 0., 2.], dtype=float32)
    """
    indices = ops.reshape(indices, (-1,))
    ones = ops.ones(ops.shape(indices), "float32")
    return backend.segment_sum(ones, indices, num_embeddings)


def code_sums(vectors, indices, num_embeddings):
    """Sum of the vectors that each code was chosen for: memory O(N D + K D).

    Args:
        vectors: float tensor `(..., D)`.
        indices: int tensor `(...)`, values in `[0, num_embeddings)`.
        num_embeddings: int, K.

    Returns:
        float32 tensor `(num_embeddings, D)`.

    Example:

    >>> keras_vq.ops.code_sums(np.array([[1.0], [2.0]]), np.array([1, 1]), 2)
    array([[0.], [3.]], dtype=float32)
    """
    vectors = ops.reshape(ops.cast(vectors, "float32"), (-1, vectors.shape[-1]))
    return backend.segment_sum(
        vectors, ops.reshape(indices, (-1,)), num_embeddings
    )
