from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.reconstruction_grid import psnr_grid


class LevelReconstructions(EpochPicture):
    """Draws what each level of a hierarchical model adds after each epoch.

    Below the images are their reconstructions from the top level alone, from
    the top two levels, and so on, to those from all levels.

    Args:
        images: array `(n, height, width, channels)`, the images to show.
        directory: Folder for `epoch_0001.png` and so on; created if missing.

    Example:

    ```python
    model = keras_vq.zoo.vqvae2(images.shape[1:], num_embeddings=16)
    levels = keras_vq.callbacks.LevelReconstructions(images[:4], "levels")
    model.fit(images, callbacks=[levels])
    ```
    """

    def __init__(self, images, directory):
        super().__init__(directory)
        check_images(images)
        self.images = images

    def draw(self):
        rows = level_reconstructions(self.model, self.images)
        return psnr_grid(rows, rows["all"])


def level_reconstructions(model, images):
    """Reconstruct images from the first one, two, ... levels of codes.

    Args:
        model: A `keras_vq.models.VQVAE2`.
        images: array `(n, height, width, channels)`.

    Returns:
        dict from caption to array, for `plots.comparison_grid`; starts with
        the images.

    Raises:
        ValueError: If the model has a single level.
    """
    codes = model.encode(images)
    if not isinstance(codes, tuple):
        raise ValueError(
            f"A {type(model).__name__} has a single level of codes. Models "
            "with several levels: vqvae2."
        )
    rows = {"original": images}
    for levels in range(1, len(codes)):
        caption = "top" if levels == 1 else f"top {levels}"
        rows[caption] = model.decode(codes[:levels])
    return {**rows, "all": model.decode(codes)}
