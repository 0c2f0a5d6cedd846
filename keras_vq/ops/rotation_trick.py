from keras import ops

from keras_vq.ops.l2_normalize import MIN_SQUARED_LENGTH
from keras_vq.ops.l2_normalize import l2_normalize


def rotation_trick(z, quantized):
    """The quantized value forward; backward, the map that turns `z` into it.

    With `R` the rotation of the direction of `z` to that of `quantized`, taken
    as a constant, `quantized = scale * R z`:

    ```
    scale           = |quantized| / |z|
    R               = I - 2 r r' + 2 q u',   u = z / |z|, q = quantized /
                      |quantized|, r = (u + q) / |u + q|
    d loss / d z    = scale * R' (d loss / d output)
    ```

    so that the angle between gradient and code is kept as that between
    gradient and `z`, and vectors of one cell get different gradients. Where
    `z` or `quantized` is zero there is no such map, and the gradient is copied
    as `straight_through` does. Nothing flows to `quantized`.

    Args:
        z: float32 tensor `(..., D)`, the encoder's output.
        quantized: float32 tensor `(..., D)`.

    Returns:
        Tensor of the shape and dtype of `z`, equal to `quantized`.

    Example:

    >>> z, quantized = np.array([[0.4]]), np.array([[1.0]])
    >>> float(keras_vq.ops.rotation_trick(z, quantized)[0, 0])
    1.0

    References:
        Fifty et al., Restructuring Vector Quantization with the Rotation Trick,
        2024, section 4.
    """
    return _rotation_trick(z, quantized)


@ops.custom_gradient
def _rotation_trick(z, quantized):
    def grad(*args, upstream=None):
        if upstream is None:  # TensorFlow and JAX pass it by position
            (upstream,) = args
        u, q = l2_normalize(z), l2_normalize(quantized)
        r = l2_normalize(u + q)
        squares = _dot(z, z), _dot(quantized, quantized)
        has_angle = ops.minimum(*squares) > MIN_SQUARED_LENGTH
        scale = ops.sqrt(squares[1] / ops.where(has_angle, squares[0], 1.0))
        turned = scale * (
            upstream - 2.0 * r * _dot(r, upstream) + 2.0 * u * _dot(q, upstream)
        )
        turned = ops.where(has_angle, turned, upstream)
        return turned, ops.zeros_like(upstream)

    return ops.copy(quantized), grad


def _dot(a, b):
    return ops.sum(a * b, axis=-1, keepdims=True)
