import keras

from keras_vq.checks import check_number
from keras_vq.ops.to_float import to_float


class ImageMean(keras.metrics.Mean):
    """Base class for metrics averaged over images.

    A subclass defines `measure(y_true, y_pred)`.

    Args:
        max_value: float > 0, maximum of float images; uint8 images are rescaled
            to it. Defaults to 1.0.
        name: str or None, name of the metric. Defaults to None.
        dtype: dtype of the sums. Defaults to float32.
    """

    def __init__(self, max_value=1.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.max_value = check_number("max_value", max_value, above=0)

    def measure(self, y_true, y_pred):
        """Compute the metric of each image.

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
            sample_weight: float tensor `(batch,)`, weights of the images, or
                None for equal weights. Defaults to None.
        """
        y_true = to_float(y_true, self.max_value)
        y_pred = to_float(y_pred, self.max_value)
        if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
            raise ValueError(
                f"`{type(self).__name__}` compares images of the same shape. "
                f"Received: y_true of shape {tuple(y_true.shape)} and y_pred "
                f"of shape {tuple(y_pred.shape)}"
            )
        super().update_state(self.measure(y_true, y_pred), sample_weight)
