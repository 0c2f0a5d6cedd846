import keras
import numpy as np

from keras_vq.training.batches import to_array


class FiniteCheck(keras.callbacks.Callback):
    """Ends training with NaN or infinity in logs or weights.

    List it before callbacks that save the model.

    Raises:
        FloatingPointError: At the end of the epoch.
    """

    def on_epoch_end(self, epoch, logs=None):
        numbers = dict(logs or {})
        numbers |= {v.path: to_array(v) for v in self.model.weights}
        bad = [k for k, x in numbers.items() if not np.all(np.isfinite(x))]
        if bad:
            raise FloatingPointError(
                f"Training diverged in epoch {epoch + 1}: NaN or infinity in "
                f"{', '.join(bad[:5])}. Train again with a lower learning "
                "rate, such as --set learning_rate=1e-4, and look for NaN in "
                "the data. The checkpoints of earlier epochs are kept."
            )
