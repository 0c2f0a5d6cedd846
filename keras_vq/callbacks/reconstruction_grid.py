from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.plots import comparison_grid


class ReconstructionGrid(EpochPicture):
    """Draws images and their reconstructions after each epoch.

    Args:
        images: array `(n, height, width, channels)`, the images to show.
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Example:

    ```python
    grid = keras_vq.callbacks.ReconstructionGrid(images[:16], "grids")
    model.fit(images, callbacks=[grid])
    ```
    """

    def __init__(self, images, directory, labels=None):
        super().__init__(directory)
        check_images(images)
        self.images = images
        self.labels = labels

    def draw(self):
        latents = self.model.encode(self.images, self.labels)
        outputs = self.model.decode(latents, self.labels)
        return comparison_grid({"input": self.images, "output": outputs})
