import keras

from keras_vq.callbacks.codebook_plots import codebook_usage
from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.metrics import CodebookPerplexity


class CodebookPlot(EpochPicture):
    """Plots the usage of each code after each epoch.

    Shows the sorted frequencies of the codes, their histogram, and a map by
    index. The counts come from the model's perplexity metrics, on the
    validation data if `fit` gets any and on the training data otherwise.

    Args:
        directory: Folder for `epoch_0001.png` and so on; created if missing.

    Example:

    ```python
    plot = keras_vq.callbacks.CodebookPlot("codebook")
    model.fit(images, callbacks=[plot])
    ```
    """

    def draw(self):
        counts = {
            metric.name: keras.ops.convert_to_numpy(metric.counts)
            for metric in self.model.metrics
            if type(metric) is CodebookPerplexity
        }
        return codebook_usage(counts)
