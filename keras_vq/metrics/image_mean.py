import keras

from keras_vq.checks import check_number
from keras_vq.ops.to_float import to_float


class ImageMean(keras.metrics.Mean):
    """Base of the metrics that are averaged over images.

    A subclass defines `measure(y_true, y_pred)`.

    Args:
        max_value: float, the value of white in float images; uint8 images are
            scaled to it. Defaults to 1.0.
        name: Name of the metric.
        dtype: Dtype of the sums. Defaults to float32.
    """

    def __init__(self, max_value=1.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.max_value = check_number("max_value", max_value, above=0)

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
                Defaults to None, equal weights.
        """
        y_true = to_float(y_true, self.max_value)
        y_pred = to_float(y_pred, self.max_value)
        if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
            raise ValueError(
                f"`{type(self).__name__}` compares images of equal shape. "
                f"Received: y_true of shape {tuple(y_true.shape)} and y_pred "
                f"of shape {tuple(y_pred.shape)}"
            )
        super().update_state(self.measure(y_true, y_pred), sample_weight)
