import numpy as np
from keras import ops


def rotary_angles(coordinates, dim, base=10_000.0):
    """Angles of rotary position embeddings for positions on a grid.

    Each axis gets an equal number of channel pairs, `pairs = dim // (2 *
    num_axes)`. The angle of pair `i` of an axis is the coordinate along that
    axis times `base ** (-i / pairs)`.

    Args:
        coordinates: array `(length, num_axes)`, coordinates of each position.
        dim: int, channels per head, a multiple of `2 * num_axes`.
        base: float. Defaults to 10,000.

    Returns:
        float32 NumPy array `(length, dim // 2)`.

    Raises:
        ValueError: If `dim` is not a multiple of `2 * num_axes`.

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
            "The number of channels per head must be a multiple of "
            f"{2 * num_axes}, two for each of {num_axes} axes. Received: "
            f"{dim} channels"
        )
    pairs = dim // (2 * num_axes)
    speed = base ** (-np.arange(pairs, dtype="float32") / pairs)
    return (coordinates[:, :, None] * speed).reshape(length, -1)


def apply_rotary(x, angles):
    """Rotate pairs of channels.

    Args:
        x: float tensor `(..., dim)`; channels `i` and `dim // 2 + i` form a
            pair.
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
