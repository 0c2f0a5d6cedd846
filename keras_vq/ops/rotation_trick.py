from keras import ops

from keras_vq.ops.l2_normalize import MIN_SQUARED_LENGTH
from keras_vq.ops.l2_normalize import l2_normalize


def rotation_trick(z, quantized):
    """Return `quantized`, with the gradient of a rotation and scaling of `z`.

    The backward pass differentiates `quantized = scale * R z`, where `scale`
    and the rotation `R` from the direction of `z` to the direction of
    `quantized` are constants:

    ```
    scale           = |quantized| / |z|
    R               = I - 2 r r' + 2 q u',   u = z / |z|, q = quantized /
                      |quantized|, r = (u + q) / |u + q|
    d loss / d z    = scale * R' (d loss / d output)
    ```

    The angle between the gradient and `z` equals the angle between the upstream
    gradient and `quantized`, so vectors of the same cell get different
    gradients. If `z` or `quantized` is zero, the rotation is undefined and the
    gradient is copied as in `straight_through`. `quantized` gets no gradient.

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
        rotated = scale * (
            upstream - 2.0 * r * _dot(r, upstream) + 2.0 * u * _dot(q, upstream)
        )
        rotated = ops.where(has_angle, rotated, upstream)
        return rotated, ops.zeros_like(upstream)

    return ops.copy(quantized), grad


def _dot(a, b):
    return ops.sum(a * b, axis=-1, keepdims=True)
