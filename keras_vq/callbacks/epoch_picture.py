import pathlib

import keras

from keras_vq.callbacks.plots import save_figure
from keras_vq.extras import require


class EpochPicture(keras.callbacks.Callback):
    """Base class for callbacks that save a figure after each epoch.

    A subclass defines `draw()`.

    Args:
        directory: Folder for `epoch_0001.png` and so on; created if missing.
    """

    def __init__(self, directory):
        require(type(self).__name__, "matplotlib")
        super().__init__()
        self.directory = pathlib.Path(directory)

    def draw(self):
        """Return a `matplotlib.figure.Figure`, or None to save nothing."""
        raise NotImplementedError

    def on_epoch_end(self, epoch, logs=None):
        figure = self.draw()
        if figure is None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        save_figure(figure, self.directory / f"epoch_{epoch + 1:04d}.png")


def check_images(images):
    """Raise unless `images` are grayscale or RGB images."""
    if len(images.shape) != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must have shape (n, height, width, 1 or 3). Received: "
            f"images.shape={tuple(images.shape)}"
        )
