import pathlib

import keras

from keras_vq.callbacks.plots import reconstruction_grid
from keras_vq.callbacks.plots import save_figure


class ReconstructionGrid(keras.callbacks.Callback):
    """Writes a picture of images and their reconstructions after each epoch.

    Args:
        images: array `(n, height, width, channels)`, the images to show.
        directory: Folder for `epoch_0001.png` and so on; made if missing.

    Example:

    ```python
    grid = keras_vq.callbacks.ReconstructionGrid(images[:16], "grids")
    model.fit(images, callbacks=[grid])
    ```
    """

    def __init__(self, images, directory):
        super().__init__()
        if len(images.shape) != 4 or images.shape[-1] not in (1, 3):
            raise ValueError(
                "`images` must have shape (n, height, width, 1 or 3). "
                f"Received: images.shape={tuple(images.shape)}"
            )
        self.images = images
        self.directory = pathlib.Path(directory)

    def on_epoch_end(self, epoch, logs=None):
        codes = self.model.encode(self.images)
        figure = reconstruction_grid(self.images, self.model.decode(codes))
        self.directory.mkdir(parents=True, exist_ok=True)
        save_figure(figure, self.directory / f"epoch_{epoch + 1:04d}.png")
