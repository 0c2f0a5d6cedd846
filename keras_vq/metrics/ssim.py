import numpy as np
from keras import ops

from keras_vq.metrics.image_mean import ImageMean
from keras_vq.saving.config import serializable

WINDOW = 11  # pixels
SIGMA = 1.5
K1 = 0.01
K2 = 0.03


@serializable
class SSIM(ImageMean):
    """Structural similarity, averaged over images.

    Combines the means `m`, variances `v` and covariance `cxy` of two images
    under a Gaussian window, 11 pixels wide with a standard deviation of 1.5, at
    each position where the window fits:

        ((2 mx my + c1) (2 cxy + c2))
        / ((mx**2 + my**2 + c1) (vx + vy + c2))

    with `c1 = (0.01 max_value)**2` and `c2 = (0.03 max_value)**2`, averaged
    over positions and channels. The maximum of 1 is only reached by equal
    images.

    Args:
        max_value: float > 0, maximum of float images; uint8 images are rescaled
            to it. Defaults to 1.0.
        name: str, name of the metric. Defaults to `"ssim"`.
        dtype: dtype of the sums. Defaults to float32.

    Raises:
        ValueError: In `update_state`, if images are not of shape `(batch,
            height, width, channels)` with a height and a width of at least 11.

    Example:

    >>> metric = keras_vq.metrics.SSIM()
    >>> images = np.random.default_rng(0).uniform(size=(2, 16, 16, 3))
    >>> metric.update_state(images, images)
    >>> round(float(metric.result()), 3)
    1.0

    References:
        Wang et al., Image Quality Assessment: From Error Visibility to
        Structural Similarity, 2004, section III.
    """

    def __init__(self, max_value=1.0, name="ssim", dtype=None):
        super().__init__(max_value, name=name, dtype=dtype)
        self._direction = "up"

    def measure(self, y_true, y_pred):
        shape = tuple(y_true.shape)
        small = [n for n in shape[1:3] if n is not None and n < WINDOW]
        if len(shape) != 4 or small:
            raise ValueError(
                "`SSIM` expects images (batch, height, width, channels) of at "
                f"least {WINDOW} x {WINDOW} pixels, the size of its window. "
                f"Received: images of shape {shape}. Use `PSNR` for smaller "
                "images."
            )
        moments = [
            y_true,
            y_pred,
            ops.square(y_true) + ops.square(y_pred),
            y_true * y_pred,
        ]
        mean_x, mean_y, squares, product = ops.split(
            _blur(ops.concatenate(moments, axis=-1)), 4, axis=-1
        )
        c1 = (K1 * self.max_value) ** 2
        c2 = (K2 * self.max_value) ** 2
        mean_product = mean_x * mean_y
        mean_squares = ops.square(mean_x) + ops.square(mean_y)
        luminance = (2.0 * mean_product + c1) / (mean_squares + c1)
        structure = (2.0 * (product - mean_product) + c2) / (
            squares - mean_squares + c2
        )
        return ops.mean(luminance * structure, axis=(1, 2, 3))


def _blur(x):
    """Blur `(batch, h, w, c)` with the window to `(batch, h-10, w-10, c)`."""
    distance = np.arange(WINDOW) - WINDOW // 2
    line = np.exp(-0.5 * (distance / SIGMA) ** 2)
    line = (line / line.sum()).astype("float32")
    for shape in ((WINDOW, 1, 1, 1), (1, WINDOW, 1, 1)):
        kernel = np.tile(line.reshape(shape), (1, 1, x.shape[-1], 1))
        x = ops.depthwise_conv(
            x, kernel, padding="valid", data_format="channels_last"
        )
    return x
