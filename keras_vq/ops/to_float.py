import keras
from keras import ops


def to_float(x, max_value=1.0):
    """Convert images, audio or video to float32, rescaling uint8.

    Args:
        x: float or uint8 tensor of any shape.
        max_value: float, result for a uint8 value of 255. Defaults to 1.0.

    Returns:
        float32 tensor of the shape of `x`.

    Raises:
        ValueError: If `x` has another integer dtype.

    Example:

    >>> keras_vq.ops.to_float(np.array([0, 51, 255], "uint8"))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype == "uint8":
        return ops.cast(x, "float32") / (255.0 / max_value)
    if "float" not in dtype:
        raise ValueError(
            "Values must be floats or uint8. Received: values of dtype "
            f"{dtype}. Cast integers from 0 to 255 to uint8."
        )
    return ops.cast(x, "float32")
