from typing import Any

import keras

from keras_vq.callbacks.plots import read_picture
from keras_vq.extras import require
from keras_vq.metrics import CodebookPerplexity


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's logs for TensorBoard, with pictures, code use and settings.

    After each epoch, the newest picture of each picture callback, and for each
    codebook a histogram over its codes of how often they were used, relative to
    the uniform share: 1 is average, 0 unused. The counts are those of
    `keras_vq.callbacks.CodebookPlot`.

    Args:
        log_dir: Folder of the logs; created if missing.
        pictures: list of picture callbacks of `keras_vq.callbacks`. List them
            before this one in `fit`. Defaults to `()`.
        hyperparameters: dict from name to bool, int, float or str, for the tab
            HParams; other values are written as str. None for none. Defaults
            to None.
        **kwargs: Arguments of `keras.callbacks.TensorBoard`.

    Raises:
        ImportError: If tensorboard or tensorflow is missing.

    Example:

    ```python
    plot = keras_vq.callbacks.CodebookPlot("codebook")
    logs = keras_vq.callbacks.TensorBoard(
        "logs", pictures=[plot], hyperparameters={"num_embeddings": 64}
    )
    model.fit(images, callbacks=[plot, logs])
    ```
    """

    def __init__(
        self,
        log_dir="logs",
        pictures=(),
        hyperparameters=None,
        **kwargs,
    ):
        require("TensorBoard", "tensorboard", "tensorflow")
        super().__init__(log_dir, **kwargs)
        self.pictures = pictures
        self.hyperparameters = hyperparameters
        self._writer: Any = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._writer = self.summary.create_file_writer(self.log_dir)
        if self.hyperparameters:
            from tensorboard.plugins.hparams import api

            values = {
                name: value
                if isinstance(value, bool | int | float | str)
                else str(value)
                for name, value in self.hyperparameters.items()
            }
            with self._writer.as_default():
                api.hparams(values)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        with self._writer.as_default(epoch):
            for picture in self.pictures:
                if picture.newest is not None:
                    pixels = read_picture(picture.newest)[None]
                    self.summary.image(picture.directory.name, pixels)
            for metric in self.model.metrics:
                if type(metric) is CodebookPerplexity:
                    counts = keras.ops.convert_to_numpy(metric.counts)
                    share = counts / max(counts.sum(), 1) * len(counts)
                    name = metric.name.replace("perplexity", "code_use")
                    self.summary.histogram(name, share)
        self._writer.flush()

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        self._writer.close()
