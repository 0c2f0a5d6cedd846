from keras import ops

# Squared length under which a vector has no direction.
LEAST = 1e-24


def unit(x):
    """Vectors of length 1 along the last axis; zero stays zero.

    A vector that is zero (or shorter than 1e-12) has no direction: it stays as
    it is, and its gradient passes unchanged, where a division by its length
    would give NaN.

    Args:
        x: float32 tensor `(..., D)`.

    Returns:
        float32 tensor `(..., D)`.

    Example:

    >>> keras_vq.ops.unit(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    x = ops.convert_to_tensor(x)
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x / ops.sqrt(ops.where(squared > LEAST, squared, 1.0))
