import pathlib

import keras

from keras_vq.callbacks.plots import codebook_usage
from keras_vq.callbacks.plots import save_figure
from keras_vq.metrics import CodebookPerplexity


class CodebookPlot(keras.callbacks.Callback):
    """Draws how often each code was used, after each epoch.

    The counts are those of the model's perplexity metric: of the validation
    data where `fit` has some, otherwise of the training data.

    Args:
        directory: Folder for `epoch_0001.png` and so on; made if missing.

    Example:

    ```python
    plot = keras_vq.callbacks.CodebookPlot("codebook")
    model.fit(images, callbacks=[plot])
    ```
    """

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(directory)

    def on_epoch_end(self, epoch, logs=None):
        for metric in self.model.metrics:
            if type(metric) is CodebookPerplexity:
                counts = keras.ops.convert_to_numpy(metric.counts)
                self.directory.mkdir(parents=True, exist_ok=True)
                path = self.directory / f"epoch_{epoch + 1:04d}.png"
                save_figure(codebook_usage(counts), path)
