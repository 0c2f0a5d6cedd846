from keras import ops


def straight_through(z, quantized):
    """Straight-through estimator: return `quantized`, copy gradients to `z`.

    `d loss / d z = d loss / d output`, and `quantized` gets no gradient. The
    output is bitwise equal to `quantized`, unlike
    `z + stop_gradient(quantized - z)`, which rounds.

    Args:
        z: Tensor, the encoder's output.
        quantized: Tensor of the shape and dtype of `z`.

    Returns:
        Tensor of the shape and dtype of `z`, equal to `quantized`.

    Example:

    >>> output = keras_vq.ops.straight_through(np.array([0.4]), np.array([1.0]))
    >>> float(output[0])
    1.0

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 3.2.
    """
    return _straight_through(z, quantized)


@ops.custom_gradient
def _straight_through(z, quantized):
    def grad(*args, upstream=None):
        if upstream is None:  # TensorFlow and JAX pass it by position
            (upstream,) = args
        return upstream, ops.zeros_like(upstream)

    return ops.copy(quantized), grad
