from keras import ops


def mean(x):
    """Mean over all elements in float32, and 0 where there are none.

    A replica that gets no examples of the last batch of an epoch would
    otherwise turn every average into NaN.

    Args:
        x: Tensor of any shape and numeric dtype.

    Returns:
        A float32 scalar.

    Example:

    >>> float(keras_vq.ops.mean(np.zeros((0, 8))))
    0.0
    """
    x = ops.cast(x, "float32")
    return ops.sum(x) / ops.maximum(ops.cast(ops.size(x), "float32"), 1.0)
