"""What notebooks display."""

from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.reconstruction_grid import reconstruction_grid
from keras_vq.checks import check_type
from keras_vq.models import FirstStage


def show(model, images, labels=None):
    """Plot images above their reconstructions, with the PSNR of each.

    A notebook displays what the last line of a cell returns.

    Args:
        model: A first stage, such as `keras_vq.models.VQVAE`.
        images: array `(n, height, width, 1 or 3)`, float in [0, 1] or uint8.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `images` are no images, or do not fit the model.

    Example:

    >>> figure = keras_vq.show(model, images[:8])
    >>> figure.savefig("reconstructions.png")
    """
    check_type("model", model, FirstStage, "a first stage, such as a VQVAE")
    check_images(images)
    return reconstruction_grid(model, images, labels)
