"""Log density, KL divergence and draws of diagonal Gaussians."""

import math

from keras import ops


def gaussian_log_prob(z, mean=0.0, log_variance=0.0):
    """Elementwise log density of a normal distribution.

    Args:
        z: float tensor.
        mean: Tensor that broadcasts with `z`. Defaults to 0.0.
        log_variance: Tensor that broadcasts with `z`. Defaults to 0.0.

    Returns:
        Tensor of the shape of `z`, in nats.

    Example:

    >>> round(float(keras_vq.ops.gaussian_log_prob(0.0)), 4)
    -0.9189
    """
    square = ops.square(ops.subtract(z, mean))
    scaled = ops.multiply(square, ops.exp(ops.negative(log_variance)))
    return -0.5 * (scaled + log_variance + math.log(2 * math.pi))


def gaussian_kl(mean, log_variance, other_mean=0.0, other_log_variance=0.0):
    """Elementwise KL divergence between two normal distributions.

    By default, the other distribution is the standard normal and the
    divergence is `0.5 * (mean**2 + variance - log_variance - 1)`.

    Args:
        mean: float tensor.
        log_variance: float tensor of the same shape.
        other_mean: Tensor that broadcasts with `mean`. Defaults to 0.0.
        other_log_variance: Tensor that broadcasts with `mean`. Defaults to
            0.0.

    Returns:
        Tensor of the shape of `mean`, in nats, not summed.

    Example:

    >>> float(keras_vq.ops.gaussian_kl(keras.ops.ones(()), keras.ops.zeros(())))
    0.5

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013, appendix B.
    """
    ratio = ops.subtract(log_variance, other_log_variance)
    square = ops.square(ops.subtract(mean, other_mean))
    distance = square * ops.exp(ops.negative(other_log_variance))
    return 0.5 * (distance + ops.exp(ratio) - ratio - 1.0)


def standard_normal(noise):
    """Standard normal numbers from uniform ones.

    Args:
        noise: float32 tensor, uniform in [0, 1), with 24 random bits, as
            `keras_vq.samplers.uniform_noise` returns.

    Returns:
        float32 tensor of the same shape, finite.

    Example:

    >>> float(keras_vq.ops.standard_normal(keras.ops.zeros(()))) < -5
    True
    """
    # Centred, so that neither end is infinitely far away.
    centred = ops.multiply(noise, 2.0) - (1.0 - 2.0**-24)
    # TensorFlow's inverse is infinite before 1, but precise near -1.
    lower = math.sqrt(2.0) * ops.erfinv(-ops.abs(centred))
    return ops.where(centred < 0, lower, -lower)
