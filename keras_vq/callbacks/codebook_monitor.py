import collections
import warnings

import keras
import numpy as np

from keras_vq.checks import check_number
from keras_vq.layers import Quantizer
from keras_vq.metrics import CodebookUsage


class CodebookMonitor(keras.callbacks.Callback):
    """Warns of low codebook usage, and stops training at NaN in a codebook.

    After each epoch, the usage of every codebook in the logs (one per level or
    stage) is compared with `min_usage`. The first one below it causes a warning
    with advice, at most once per callback. If the weights of a quantizer are
    not finite, training stops with a warning that names the epoch and the
    layer.

    Args:
        min_usage: float in [0, 1], fraction of the codes. Defaults to 0.1.

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
        self.min_usage = check_number(
            "min_usage", min_usage, at_least=0, at_most=1
        )
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        for layer in self.model._flatten_layers():
            # A composed quantizer comes first and includes its parts' weights.
            if isinstance(layer, Quantizer) and not self._is_finite(
                epoch, layer
            ):
                break
        for metric in self.model.metrics:
            if isinstance(metric, CodebookUsage) and metric.name in (
                logs or {}
            ):
                self._check_usage(epoch, metric, logs[metric.name])

    def _is_finite(self, epoch, layer):
        bad: collections.Counter[str] = collections.Counter()
        for v in layer.weights:
            bad[v.name] += np.sum(~np.isfinite(keras.ops.convert_to_numpy(v)))
        bad = +bad  # drop zeros
        if not bad:
            return True
        self.model.stop_training = True
        numbers = ", ".join(f"{n} of `{name}`" for name, n in bad.items())
        warnings.warn(
            f"Training stops after epoch {epoch + 1}: weights of layer "
            f"`{layer.name}` are not finite, {numbers}. Resume from the last "
            "good checkpoint with a lower learning rate or gradient clipping, "
            "and look for NaN in the data.",
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
            f"{metric.num_embeddings} codes are in use. To use more of them: "
            "initialize the codebook from data with `adapt`, revive codes with "
            "`VectorQuantizerEMA(revival_threshold=0.1)`, or look codes up in "
            "fewer dimensions with `ProjectedQuantizer`; increase "
            "`entropy_cost` and `diversity` of a `LookupFreeQuantizer`, or "
            "`kl_cost` of a `GumbelQuantizer`. If the error is low enough, use "
            "fewer codes (`num_embeddings`), or remove unused ones with "
            "`keras_vq.models.remap_unused_codes`.",
            stacklevel=2,
        )
