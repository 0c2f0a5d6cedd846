from keras import ops


def gated_activation(x):
    """Gated activation `tanh(a) * sigmoid(b)` of two halves of the channels.

    Args:
        x: float tensor `(..., 2 * channels)`, a and b concatenated.

    Returns:
        float tensor `(..., channels)`.

    Example:

    >>> keras_vq.ops.gated_activation(np.zeros((1, 4))).shape
    (1, 2)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016, equation 2.
    """
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)
