from keras import ops


def inverse_cdf(probabilities, noise):
    """Sample categorical distributions by inverting their CDF.

    Returns the smallest `i` with `noise < p_0 + ... + p_i`. The result is a
    deterministic function of the noise, so the same noise gives the same
    samples on every backend and in exported models. Categories with
    probability 0 are never sampled.

    Args:
        probabilities: float tensor `(..., num_categories)`, nonnegative; need
            not sum to 1.
        noise: float tensor `(...)`, uniform in [0, 1).

    Returns:
        int32 tensor `(...)`.

    Example:

    >>> p = np.array([[0.5, 0.0, 0.5], [0.5, 0.0, 0.5]])
    >>> keras_vq.ops.inverse_cdf(p, np.array([0.4, 0.6]))
    array([0, 2], dtype=int32)
    """
    probabilities = ops.convert_to_tensor(probabilities)
    cdf = ops.cumsum(probabilities, axis=-1)
    total = cdf[..., -1:]
    noise = ops.cast(ops.convert_to_tensor(noise), cdf.dtype)[..., None]
    index = _count(cdf <= noise * total)
    last = _count(cdf < total)  # if `noise * total` rounds up to `total`
    return ops.minimum(index, last)


def _count(condition):
    return ops.sum(ops.cast(condition, "int32"), axis=-1)
