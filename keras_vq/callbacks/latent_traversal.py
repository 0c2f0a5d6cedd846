from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.latent_paths import traversal_grid
from keras_vq.checks import check_int


class LatentTraversal(EpochPicture):
    """Draws the effect of single latent dimensions after each epoch.

    Args:
        images: array `(n, height, width, channels)`; latents of the first one
            are varied, over a range determined from all.
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        num_dims: int >= 1, number of dimensions to vary, those with the largest
            standard deviations. Defaults to 8.
        num_steps: int >= 2, images per dimension. Defaults to 8.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Example:

    ```python
    model = keras_vq.zoo.vae(images.shape[1:], network="mlp")
    dims = keras_vq.callbacks.LatentTraversal(images[:8], "dims", num_dims=2)
    model.fit(images, callbacks=[dims])
    ```
    """

    def __init__(self, images, directory, num_dims=8, num_steps=8, labels=None):
        super().__init__(directory)
        check_images(images)
        self.images = images
        self.num_dims = check_int("num_dims", num_dims)
        self.num_steps = check_int("num_steps", num_steps, 2)
        self.labels = labels

    def draw(self):
        return traversal_grid(
            self.model, self.images, self.num_dims, self.num_steps, self.labels
        )
