import keras
from keras import ops


class ExampleMean(keras.metrics.Mean):
    """Base class for metrics that compare pairs and average over examples.

    A subclass defines `measure(y_true, y_pred)`.

    Args:
        name: str or None, name of the metric. Defaults to None.
        dtype: dtype of the sums. Defaults to float32.
    """

    # What it compares, for error messages.
    noun = "inputs"

    def measure(self, y_true, y_pred):
        """Compute the metric of each example.

        Args:
            y_true: float32 tensor `(batch, ...)`.
            y_pred: float32 tensor of the same shape.

        Returns:
            float tensor `(batch,)`.
        """
        raise NotImplementedError

    def prepared(self, x):
        """Convert inputs to what `measure` takes."""
        return ops.cast(x, "float32")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the examples of a batch.

        Args:
            y_true: tensor `(batch, ...)`.
            y_pred: tensor of the same shape.
            sample_weight: float tensor `(batch,)`, weights of the examples, or
                None for equal weights. Defaults to None.
        """
        y_true, y_pred = self.prepared(y_true), self.prepared(y_pred)
        if tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
            raise ValueError(
                f"`{type(self).__name__}` compares {self.noun} of the same "
                f"shape. Received: y_true of shape {tuple(y_true.shape)} and "
                f"y_pred of shape {tuple(y_pred.shape)}"
            )
        super().update_state(self.measure(y_true, y_pred), sample_weight)
