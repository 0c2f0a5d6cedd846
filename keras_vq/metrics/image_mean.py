import keras
from keras import ops


class ImageMean(keras.metrics.Mean):
    """Base of the metrics that are a mean over images.

    A subclass defines `measure(y_true, y_pred)`.

    Args:
        max_value: float, the value of white in images of floats; those of
            uint8 are divided by 255 and multiplied by it. Defaults to 1.0.
        name: Name of the metric.
        dtype: Dtype of the sums. Defaults to float32.
    """

    def __init__(self, max_value=1.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not max_value > 0:
            raise ValueError(
                "`max_value`, the value of white, must be positive. Received: "
                f"max_value={max_value}"
            )
        self.max_value = max_value

    def measure(self, y_true, y_pred):
        """The value of each image.

        Args:
            y_true: float32 tensor `(batch, height, width, channels)`.
            y_pred: float32 tensor of the same shape.

        Returns:
            float tensor `(batch,)`.
        """
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the images of a batch.

        Args:
            y_true: tensor `(batch, height, width, channels)`, float in
                [0, `max_value`] or uint8.
            y_pred: tensor of the same shape.
            sample_weight: float tensor `(batch,)`, weights of the images.
                Defaults to None, all alike.
        """
        y_true = as_float(y_true, self.max_value)
        y_pred = as_float(y_pred, self.max_value)
        if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
            raise ValueError(
                f"`{type(self).__name__}` compares images of one shape. "
                f"Received: y_true of shape {tuple(y_true.shape)}, y_pred of "
                f"shape {tuple(y_pred.shape)}"
            )
        super().update_state(self.measure(y_true, y_pred), sample_weight)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}


def as_float(images, max_value=1.0):
    """float32 images in [0, `max_value`], of floats or of uint8."""
    images = ops.convert_to_tensor(images)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype == "uint8":
        return ops.cast(images, "float32") * (max_value / 255.0)
    if "float" not in dtype:
        raise ValueError(
            "Images must be floats or uint8. Received: images of dtype "
            f"{dtype}. Cast integers from 0 to 255 to uint8."
        )
    return ops.cast(images, "float32")
