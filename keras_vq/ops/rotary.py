import numpy as np
from keras import ops


def rotary_angles(coordinates, dim, base=10_000.0):
    """Angles by which the positions of a grid turn queries and keys.

    The pairs of channels are shared out among the axes; those of an axis turn
    by its coordinate times `base ** (-2 i / dim)`.

    Args:
        coordinates: array `(length, num_axes)`, where each position lies.
        dim: int, channels of a head, a multiple of twice the number of axes.
        base: float. Defaults to 10,000.

    Returns:
        NumPy float32 array `(length, dim // 2)`.

    Raises:
        ValueError: If `dim` cannot be shared out.

    Example:

    >>> places = [[row, column] for row in range(3) for column in range(5)]
    >>> keras_vq.ops.rotary_angles(places, dim=32).shape
    (15, 16)

    References:
        Su et al., RoFormer: Enhanced Transformer with Rotary Position
        Embedding, 2021, equation 15.
    """
    coordinates = np.asarray(coordinates, "float32")
    length, num_axes = coordinates.shape
    if dim % (2 * num_axes):
        raise ValueError(
            "The channels of a head must be a multiple of "
            f"{2 * num_axes}, two for each of {num_axes} axes. Received: "
            f"{dim} channels"
        )
    pairs = dim // (2 * num_axes)
    speed = base ** (-np.arange(pairs, dtype="float32") / pairs)
    return (coordinates[:, :, None] * speed).reshape(length, -1)


def apply_rotary(x, angles):
    """Turn pairs of channels by angles.

    Args:
        x: float tensor `(..., dim)`; the pairs are channels `i` and
            `dim // 2 + i`.
        angles: float tensor, broadcastable to `(..., dim // 2)`.

    Returns:
        float tensor of the shape of `x`.

    Example:

    >>> angles = keras_vq.ops.rotary_angles([[0], [1], [2]], dim=8)
    >>> keras_vq.ops.apply_rotary(np.ones((2, 3, 8)), angles).shape
    (2, 3, 8)
    """
    x = ops.convert_to_tensor(x)
    angles = ops.cast(angles, "float32")
    cos = ops.cast(ops.cos(angles), x.dtype)
    sin = ops.cast(ops.sin(angles), x.dtype)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
