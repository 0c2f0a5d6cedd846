from keras import ops


def code_distribution(p, counted):
    """Mean distribution over codes of independent bits.

    Computes `mean over n of prod_d p[n, d]^b[d] (1 - p[n, d])^(1 - b[d])` for
    all 2^D codes b. The products over the lower and the upper half of the bits
    form two matrices with 2^(D/2) columns each, and one matrix product averages
    over n, so an N x 2^D array is never created.

    Args:
        p: float32 tensor `(N, D)`, probability that a bit is 1.
        counted: float32 tensor `(N,)`, 1 for valid rows and 0 for rows to
            ignore.

    Returns:
        float32 tensor `(2**D,)`, indexed with the first bit as the least
        significant; all zeros if there are no valid rows.

    Example:

    >>> keras_vq.ops.code_distribution(
    ...     np.array([[1.0, 0.5]], "float32"), np.ones(1, "float32")
    ... )
    array([0. , 0.5, 0. , 0.5], dtype=float32)
    """
    p, counted = ops.convert_to_tensor(p), ops.convert_to_tensor(counted)
    dim = p.shape[-1]
    lower = _products(p[:, : dim // 2], counted)
    upper = _products(p[:, dim // 2 :], ops.ones_like(counted))
    total = ops.matmul(ops.transpose(upper), lower)
    return ops.reshape(total, (-1,)) / ops.maximum(ops.sum(counted), 1.0)


def _products(p, weights):
    """Weighted probabilities of all combinations of bits, `(N, 2**bits)`."""
    products = weights[:, None]
    for d in range(p.shape[-1]):
        bit = p[:, d : d + 1]
        products = ops.concatenate(
            [products * (1.0 - bit), products * bit], axis=-1
        )
    return products
