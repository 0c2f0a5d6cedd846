from keras_vq.checks import check_number
from keras_vq.metrics.example_mean import ExampleMean
from keras_vq.ops.to_float import to_float


class ImageMean(ExampleMean):
    """Base class for metrics averaged over images.

    A subclass defines `measure(y_true, y_pred)`. Images are `(batch, height,
    width, channels)`, float in [0, `max_value`] or uint8.

    Args:
        max_value: float > 0, maximum of float images; uint8 images are rescaled
            to it. Defaults to 1.0.
        name: str or None, name of the metric. Defaults to None.
        dtype: dtype of the sums. Defaults to float32.
    """

    noun = "images"

    def __init__(self, max_value=1.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.max_value = check_number("max_value", max_value, above=0)

    def prepared(self, x):
        return to_float(x, self.max_value)
