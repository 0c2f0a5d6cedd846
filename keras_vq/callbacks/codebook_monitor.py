import warnings

import keras
import numpy as np

from keras_vq.metrics import CodebookUsage


class CodebookMonitor(keras.callbacks.Callback):
    """Warns when few codes are in use, and stops at a codebook of NaN.

    After each epoch the usage of every codebook in the logs (one for each
    level or stage) is compared with `min_usage`; the first that is below it is
    the subject of a warning, once in the life of the callback, that says what
    to change. A codebook that holds NaN or infinity ends training, and a
    warning names the epoch and the layer.

    Args:
        min_usage: float in [0, 1], share of the codes. Defaults to 0.1.

    Raises:
        ValueError: If `min_usage` is out of range.

    Example:

    ```python
    monitor = keras_vq.callbacks.CodebookMonitor(min_usage=0.0)
    model.fit(images, callbacks=[monitor])
    ```
    """

    def __init__(self, min_usage=0.1):
        super().__init__()
        if not 0 <= min_usage <= 1:
            raise ValueError(
                "`min_usage` is a share of the codes and must be in [0, 1]. "
                f"Received: min_usage={min_usage}"
            )
        self.min_usage = min_usage
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        for layer in self.model._flatten_layers():
            codes = getattr(layer, "embeddings", None)
            if hasattr(layer, "encode_to_indices") and codes is not None:
                self._check_numbers(epoch, layer, codes)
        for metric in self.model.metrics:
            if isinstance(metric, CodebookUsage) and metric.name in logs:
                self._check_usage(epoch, metric, logs[metric.name])

    def _check_numbers(self, epoch, layer, codes):
        finite = np.isfinite(keras.ops.convert_to_numpy(codes))
        if finite.all():
            return
        self.model.stop_training = True
        bad = np.sum(~finite.all(axis=-1))
        warnings.warn(
            f"Training stops after epoch {epoch + 1}: {bad} codes of layer "
            f"`{layer.name}` are not finite. Go back to the last good "
            "checkpoint and train with a lower learning rate or with clipped "
            "gradients, and look for NaN in the data.",
            stacklevel=2,
        )

    def _check_usage(self, epoch, metric, usage):
        if self._warned or usage >= self.min_usage:
            return
        self._warned = True
        used = round(usage * metric.num_embeddings)
        warnings.warn(
            f"Epoch {epoch + 1}: {metric.name} is {usage:.3g}, {used} of "
            f"{metric.num_embeddings} codes are in use. To bring more of them "
            "into use, train a `VectorQuantizerEMA` with a `revival_threshold` "
            "(0.1, say), start the codebook from data by its `adapt`, or look "
            "codes up in fewer dimensions (`embedding_dim`). If the error is "
            "good enough as it is, ask for fewer codes (`num_embeddings`), or "
            "shrink the trained model by `keras_vq.models.remap_unused_codes`.",
            stacklevel=2,
        )
