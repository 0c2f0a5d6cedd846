from keras import ops


def binary_entropy(logits):
    """Entropy of independent bits, in nats, from their logits.

    `H(p) = -p log p - (1 - p) log(1 - p)` with `p = sigmoid(logits)`, computed
    as `log(1 + exp(l)) - l p`, which is finite for all logits.

    Args:
        logits: float tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `logits`, values in [0, log 2].

    Example:

    >>> round(float(keras_vq.ops.binary_entropy(np.array(0.0))), 4)
    0.6931
    """
    logits = ops.convert_to_tensor(logits)
    # The entropy is even in the logits. Negative ones avoid cancellation
    # between two large numbers.
    logits = -ops.abs(logits)
    return ops.softplus(logits) - logits * ops.sigmoid(logits)
