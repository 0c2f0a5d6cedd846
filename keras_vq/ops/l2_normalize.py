from keras import ops

# Vectors with a smaller squared length have no direction.
MIN_SQUARED_LENGTH = 1e-24


def l2_normalize(x):
    """Scale vectors to length 1 along the last axis.

    Vectors shorter than 1e-12 have no direction. They are returned unchanged
    and pass their gradient unchanged, instead of producing NaN.

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
