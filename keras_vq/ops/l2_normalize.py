from keras import ops

# Squared length below which a vector has no direction.
MIN_SQUARED_LENGTH = 1e-24


def l2_normalize(x):
    """Vectors scaled to length 1 along the last axis; zero stays zero.

    A vector that is zero (or shorter than 1e-12) has no direction: it stays as
    it is, and its gradient passes unchanged; dividing by its length would give
    NaN.

    Args:
        x: float32 tensor `(..., D)`.

    Returns:
        float32 tensor `(..., D)`.

    Example:

    >>> keras_vq.ops.l2_normalize(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    x = ops.convert_to_tensor(x)
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x / ops.sqrt(ops.where(squared > MIN_SQUARED_LENGTH, squared, 1.0))
