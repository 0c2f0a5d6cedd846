from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.latent_paths import interpolation_grid
from keras_vq.checks import check_int


class LatentInterpolation(EpochPicture):
    """Draws interpolations between images after each epoch.

    Args:
        images: array `(n, height, width, channels)`; each row interpolates
            between two of them: first and second, third and fourth, and so on.
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        num_steps: int >= 2, images per row. Defaults to 8.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Example:

    ```python
    model = keras_vq.zoo.autoencoder(images.shape[1:], network="mlp")
    rows = keras_vq.callbacks.LatentInterpolation(images[:4], "rows")
    model.fit(images, callbacks=[rows])
    ```
    """

    def __init__(self, images, directory, num_steps=8, labels=None):
        super().__init__(directory)
        check_images(images)
        self.images = images
        self.num_steps = check_int("num_steps", num_steps, 2)
        self.labels = labels

    def draw(self):
        return interpolation_grid(
            self.model, self.images, self.num_steps, self.labels
        )
