from keras import ops


def dense(x, kernel, bias=None):
    """Product with a matrix, plus a bias, in the dtype of the input.

    Keras casts a layer's weights inside `call` alone; this also serves methods
    that compute in float32 whatever the dtype of the weights.

    Args:
        x: float tensor `(..., channels)`.
        kernel: float tensor or variable `(channels, dim)`.
        bias: float tensor or variable `(dim,)`, or None. Defaults to None.

    Returns:
        float tensor `(..., dim)`, of the dtype of `x`.

    Example:

    >>> x, kernel = np.ones((2, 3), "float32"), np.ones((3, 4), "float16")
    >>> keras_vq.ops.dense(x, kernel).shape
    (2, 4)
    """
    y = ops.matmul(x, ops.cast(kernel, x.dtype))
    return y if bias is None else y + ops.cast(bias, x.dtype)
