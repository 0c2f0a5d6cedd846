from keras import ops


def masked_mean(x, mask=None):
    """Mean over the valid elements, or 0 if there are none.

    Returning 0 keeps averages finite on a replica that gets no examples of the
    last batch of an epoch.

    Args:
        x: Tensor of any shape and numeric dtype.
        mask: bool tensor of the shape of `x`, or of that shape without the last
            axis to mask whole vectors; False for elements to ignore. None to
            average all. Defaults to None.

    Returns:
        float32 scalar.

    Example:

    >>> float(keras_vq.ops.masked_mean(np.zeros((0, 8))))
    0.0
    >>> x, mask = np.array([1, 2, 9]), np.array([1, 1, 0])
    >>> float(keras_vq.ops.masked_mean(x, mask))
    1.5
    """
    x = ops.cast(x, "float32")
    if mask is None:
        return ops.sum(x) / ops.maximum(ops.cast(ops.size(x), "float32"), 1.0)
    mask = ops.cast(mask, "bool")
    length = 1
    if len(mask.shape) < len(x.shape):
        mask, length = mask[..., None], x.shape[-1]
    count = length * ops.sum(ops.cast(mask, "float32"))
    return ops.sum(ops.where(mask, x, 0.0)) / ops.maximum(count, 1.0)
