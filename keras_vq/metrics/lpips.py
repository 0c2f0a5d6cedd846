from keras_vq.losses import PerceptualLoss
from keras_vq.metrics.image_mean import ImageMean
from keras_vq.saving.config import serializable


@serializable
class LPIPS(ImageMean):
    """Learned perceptual distance between images, averaged over images.

    See `keras_vq.losses.PerceptualLoss`. Lower is better.

    Args:
        feature_network: `"lpips"`, VGG-16 with calibrated channel weights, or
            a `keras.Model` from images in [0, 1] to feature maps. The config
            does not include the weights of a model, so pass it again after
            loading. Defaults to `"lpips"`.
        weights_file: str, Path or None, the weights file for `"lpips"`, its
            folder or its URL. None uses the default locations of
            `PerceptualLoss`. Defaults to None.
        name: str, name of the metric. Defaults to `"lpips"`.
        dtype: dtype of the sums. Defaults to float32.

    Raises:
        FileNotFoundError: If the weights of `"lpips"` are not found.

    Example:

    >>> network = keras.Sequential(
    ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    ... )
    >>> metric = keras_vq.metrics.LPIPS(network)
    >>> metric.update_state(images, images)
    >>> float(metric.result())
    0.0

    References:
        Zhang et al., The Unreasonable Effectiveness of Deep Features as a
        Perceptual Metric, 2018.
    """

    # Not in the config, which must not name files: a loaded metric finds its
    # weights in the default place.
    weights_file = None

    def __init__(
        self,
        feature_network="lpips",
        weights_file=None,
        name="lpips",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._direction = "down"
        self.feature_network = feature_network
        self.loss = PerceptualLoss(feature_network, weights_file=weights_file)

    def measure(self, y_true, y_pred):
        return self.loss(y_true, y_pred)
