import keras
from keras import ops


def laplace_noise(shape, seed=None):
    """Sample the Laplace distribution with location 0 and scale 1.

    Args:
        shape: Shape of the result.
        seed: int, `keras.random.SeedGenerator` or None. Defaults to None.

    Returns:
        float32 tensor.

    Example:

    >>> keras_vq.ops.laplace_noise((2, 3), seed=0).shape
    (2, 3)
    """
    u = keras.random.uniform(shape, -1.0 + 1e-6, 1.0 - 1e-6, seed=seed)
    return -ops.sign(u) * ops.log1p(-ops.abs(u))
