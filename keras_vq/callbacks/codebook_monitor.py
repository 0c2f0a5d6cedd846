import collections
import warnings

import keras
import numpy as np

from keras_vq.layers.quantizer import Quantizer
from keras_vq.metrics import CodebookUsage


class CodebookMonitor(keras.callbacks.Callback):
    """Warns when few codes are in use, and stops at a codebook of NaN.

    After each epoch the usage of every codebook in the logs (one for each
    level or stage) is compared with `min_usage`; the first that is below it is
    the subject of a warning, once in the life of the callback, that says what
    to change. A quantizer whose codebook or other weights hold NaN or infinity
    ends training, and a warning names the epoch and the layer.

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
            # Those inside a composed one come after it, with its weights.
            if isinstance(layer, Quantizer) and not self._is_finite(
                epoch, layer
            ):
                break
        for metric in self.model.metrics:
            if isinstance(metric, CodebookUsage) and metric.name in logs:
                self._check_usage(epoch, metric, logs[metric.name])

    def _is_finite(self, epoch, layer):
        bad: collections.Counter[str] = collections.Counter()
        for v in layer.weights:
            bad[v.name] += np.sum(~np.isfinite(keras.ops.convert_to_numpy(v)))
        bad = +bad  # the names that occurred
        if not bad:
            return True
        self.model.stop_training = True
        numbers = ", ".join(f"{n} of `{name}`" for name, n in bad.items())
        warnings.warn(
            f"Training stops after epoch {epoch + 1}: numbers of layer "
            f"`{layer.name}` are not finite, {numbers}. Go back to the last "
            "good checkpoint and train with a lower learning rate or with "
            "clipped gradients, and look for NaN in the data.",
            stacklevel=2,
        )
        return False

    def _check_usage(self, epoch, metric, usage):
        if self._warned or usage >= self.min_usage:
            return
        self._warned = True
        used = round(usage * metric.num_embeddings)
        warnings.warn(
            f"Epoch {epoch + 1}: {metric.name} is {usage:.3g}, {used} of "
            f"{metric.num_embeddings} codes are in use. To bring more of them "
            "into use: start a codebook from data by `adapt`, keep it alive by "
            "a `VectorQuantizerEMA` with a `revival_threshold` (0.1, say), or "
            "look codes up in fewer dimensions (`ProjectedQuantizer`); of a "
            "`LookupFreeQuantizer` raise `entropy_cost` and `diversity`, of a "
            "`GumbelQuantizer` `kl_cost`. If the error is good enough as it "
            "is, ask for fewer codes (`num_embeddings`), or shrink a trained "
            "table of codes by `keras_vq.models.remap_unused_codes`.",
            stacklevel=2,
        )
