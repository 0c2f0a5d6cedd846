import pathlib

import keras

from keras_vq.callbacks.plots import save_figure
from keras_vq.checks import check_array
from keras_vq.checks import check_path
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
        self.directory = pathlib.Path(check_path("directory", directory))
        self.newest = None  # path of the last picture

    def draw(self):
        """Return a figure with a suptitle, or None to save nothing."""
        raise NotImplementedError

    def on_epoch_end(self, epoch, logs=None):
        figure = self.draw()
        if figure is None:
            return
        figure.suptitle(f"Epoch {epoch + 1}: {figure.get_suptitle()}")
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"epoch_{epoch + 1:04d}.png"
        save_figure(figure, path)
        self.newest = path


def check_images(images, or_clips=False):
    """Raise unless `images` are grayscale or RGB images.

    Args:
        images: What a caller gave.
        or_clips: bool, whether recordings `(n, time, channels)` and videos `(n,
            frames, height, width, 1 or 3)` are accepted. Defaults to False.
    """
    check_array("images", images)
    if or_clips and len(images.shape) == 3:
        return
    ranks = (4, 5) if or_clips else (4,)
    if len(images.shape) not in ranks or images.shape[-1] not in (1, 3):
        others = ""
        if or_clips:
            others = (
                ", (n, time, channels) or (n, frames, height, width, 1 or 3)"
            )
        raise ValueError(
            f"`images` must have shape (n, height, width, 1 or 3){others}. "
            f"Received: images.shape={tuple(images.shape)}"
        )
