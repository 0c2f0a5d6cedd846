import dataclasses

import numpy as np

# How far a float may exceed its range: resizing overshoots.
TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True)
class Field:
    """An input or output of a signature.

    Args:
        name: str, its name in the signature.
        dtype: str, `"float32"`, `"int32"` or `"string"`.
        shape: tuple of int, with None for the number of examples.
        meaning: str, for callers of the signature.
        minimum: int, float or None, the least value. Defaults to None.
        maximum: int, float or None, the greatest value. Defaults to None.
        sample: A valid value, for warm-up requests. Defaults to 0.
        is_batch_size: bool, whether the value is the number of examples.
            Defaults to False.
    """

    name: str
    dtype: str
    shape: tuple
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    sample: object = 0
    is_batch_size: bool = False

    @property
    def spec(self):
        """`tf.TensorSpec`."""
        import tensorflow as tf

        return tf.TensorSpec(self.shape, self.dtype, self.name)

    @property
    def range(self):
        """str, the valid values; None if all are valid."""
        if self.maximum is not None:
            return f"in [{self.minimum:g}, {self.maximum:g}]"
        return None if self.minimum is None else f">= {self.minimum:g}"

    def checked(self, x):
        """The tensor, with assertions on its shape and values.

        A server checks only dtypes; it accepts indices out of range and images
        of another size.
        """
        import tensorflow as tf

        x = tf.ensure_shape(x, self.shape)
        if self.range is None:
            return x
        tolerance = TOLERANCE if self.dtype == "float32" and self.shape else 0
        fits = tf.constant(True)
        if self.minimum is not None:
            fits &= tf.reduce_all(x >= self.minimum - tolerance)
        if self.maximum is not None:
            fits &= tf.reduce_all(x <= self.maximum + tolerance)
        message = f"`{self.name}` must be {self.range}. Received values from"
        values = [message, tf.reduce_min(x), "to", tf.reduce_max(x)]
        with tf.control_dependencies([tf.debugging.Assert(fits, values)]):
            return tf.identity(x)

    def example(self, batch_size):
        """NumPy array for a warm-up request of `batch_size` examples."""
        shape = [batch_size if n is None else n for n in self.shape]
        value = batch_size if self.is_batch_size else self.sample
        dtype = object if self.dtype == "string" else self.dtype
        return np.full(shape, value, dtype)

    def to_dict(self):
        """dict for JSON."""
        described = {
            "dtype": self.dtype,
            "shape": ["batch" if n is None else n for n in self.shape],
            "meaning": self.meaning,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {k: v for k, v in described.items() if v is not None}
