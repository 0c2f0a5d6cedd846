from keras import ops


def code_distribution(p, counted):
    """The mean distribution over codes that are made of independent bits.

    `mean over n of prod_d p[n, d]^b[d] (1 - p[n, d])^(1 - b[d])` for all 2^D
    codes b. The products over the lower half of the bits and those over the
    upper half are 2^(D/2) columns each, and the mean is one product of these
    matrices: there never are N 2^D numbers.

    Args:
        p: float32 tensor `(N, D)`, probability that a bit is 1.
        counted: float32 tensor `(N,)`, 1 for rows that count and 0 for others.

    Returns:
        float32 tensor `(2**D,)`, the first bit being the least significant; 0
        where no row counts.

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
    """Probabilities of all values of a few bits, `(N, 2**bits)`."""
    products = weights[:, None]
    for d in range(p.shape[-1]):
        bit = p[:, d : d + 1]
        products = ops.concatenate(
            [products * (1.0 - bit), products * bit], axis=-1
        )
    return products
