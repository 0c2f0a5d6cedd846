import keras

from keras_vq.losses import PerceptualLoss
from keras_vq.metrics.image_mean import ImageMean


@keras.saving.register_keras_serializable(package="keras_vq")
class LPIPS(ImageMean):
    """Perceptual distance of images, the mean over images.

    See `keras_vq.losses.PerceptualLoss`; the less, the better.

    Args:
        feature_network: `"lpips"`, VGG-16 with calibrated channel weights, or
            a `keras.Model` from images in [0, 1] to feature maps. Defaults to
            `"lpips"`. A configuration does not hold the weights of a model:
            give it again after loading.
        weights: str or Path, for `"lpips"` the file of weights, its folder or
            its URL. Defaults to None, the places that `PerceptualLoss` names.
        name: Name of the metric. Defaults to `"lpips"`.
        dtype: Dtype of the sums. Defaults to float32.

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

    def __init__(
        self, feature_network="lpips", weights=None, name="lpips", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self._direction = "down"
        self.feature_network = feature_network
        self.weights = weights
        self.loss = PerceptualLoss(feature_network, weights)

    def measure(self, y_true, y_pred):
        return self.loss(y_true, y_pred)

    def get_config(self):
        network = self.feature_network
        if not isinstance(network, str):
            network = keras.saving.serialize_keras_object(network)
        return {
            "name": self.name,
            "dtype": self.dtype,
            "feature_network": network,
            "weights": None if self.weights is None else str(self.weights),
        }

    @classmethod
    def from_config(cls, config):
        network = config["feature_network"]
        if not isinstance(network, str):
            network = keras.saving.deserialize_keras_object(network)
        return cls(**{**config, "feature_network": network})
