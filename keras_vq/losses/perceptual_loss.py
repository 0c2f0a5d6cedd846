import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_number
from keras_vq.losses.lpips_weights import find_lpips_weights
from keras_vq.losses.lpips_weights import lpips_channel_weights
from keras_vq.networks.image_features import feature_dims
from keras_vq.networks.image_features import image_features
from keras_vq.networks.vgg16_features import vgg16_features
from keras_vq.saving.config import serializable

# Minimum length of a feature vector when dividing by it.
EPSILON = 1e-10


@serializable
class PerceptualLoss(backend.LayerMixin, keras.layers.Layer):
    """Distance between images in the feature space of a network.

    The vectors of each feature map are scaled to length 1. Their squared
    differences are weighted by channel, summed over channels, averaged over
    positions and summed over the maps:

        sum_l mean_hw sum_c w_lc (fx_lhwc - fy_lhwc)**2

    Gradients flow to both images. The network is frozen (its `trainable` is set
    to False) and runs in inference mode.

    `"lpips"` is VGG-16 with calibrated channel weights, both loaded from a file
    written by `scripts/convert_lpips.py`. As with any layer, the config
    contains the network's architecture but not its weights. A `.keras` file
    contains both, so loading it does not need the weights file.

    Args:
        feature_network: `keras.Model` from images `(batch, height, width,
            channels)` in [0, 1] to one or several feature maps `(batch, ...,
            channels)`, or `"lpips"`. Defaults to `"lpips"`.
        weight: float > 0, weight in the loss of a model. The layer's output is
            not multiplied by it. Defaults to 1.0.
        weights_file: str, Path or None, the weights file for `"lpips"`, the
            folder that contains it as `lpips_vgg16.safetensors`, or its URL.
            None uses the environment variable `KERAS_VQ_LPIPS` if set, and
            otherwise `~/.keras/keras_vq/lpips_vgg16.safetensors`. Defaults to
            None.
        channel_weights: list of lists of float >= 0 or None, channel weights of
            each map. None uses the weights of the file for `"lpips"` and 1 for
            other networks. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`. Computations are
            in float32 under every dtype policy.

    Call arguments:
        x: float tensor `(batch, height, width, channels)` in [0, 1]. Grayscale
            images are repeated for a network with three input channels.
        y: float tensor of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Raises:
        FileNotFoundError: If the weights of `"lpips"` are not found.
        ValueError: If `feature_network` is not a suitable model, or the channel
            weights do not match it or are negative.

    Example:

    >>> network = keras.Sequential(
    ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    ... )
    >>> loss = keras_vq.losses.PerceptualLoss(network)
    >>> loss(images, images).shape
    (16,)

    References:
        Zhang et al., The Unreasonable Effectiveness of Deep Features as a
        Perceptual Metric, 2018, section 3, equation 1.
    """

    # Not in the config: once loaded, the weights are part of the network.
    weights_file = None

    def __init__(
        self,
        feature_network="lpips",
        weight=1.0,
        weights_file=None,
        channel_weights=None,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        self.weight = check_number("weight", weight, above=0)
        if channel_weights is not None:
            channel_weights = [np.ravel(v).tolist() for v in channel_weights]
        self.channel_weights = channel_weights
        if feature_network == "lpips":
            path = find_lpips_weights(weights_file)
            feature_network = vgg16_features(path)
            if channel_weights is None:
                channel_weights = lpips_channel_weights(path)
        elif weights_file is not None:
            raise ValueError(
                "`weights_file` is only supported with feature_network='lpips'."
                f" Received: weights_file={str(weights_file)!r} and another "
                "network. Load weights into that network before passing it."
            )
        dims = feature_dims(feature_network)
        if channel_weights is None:
            channel_weights = [np.ones(dim) for dim in dims]
        _check_channel_weights(channel_weights, dims)
        feature_network.trainable = False
        self.feature_network = feature_network
        self.scales = [
            self.add_weight(
                shape=(dim,),
                initializer=keras.initializers.Constant(
                    np.asarray(values, "float32")
                ),
                dtype="float32",
                trainable=False,
                name=f"scale_{i}",
            )
            for i, (dim, values) in enumerate(zip(dims, channel_weights))
        ]
        self.trainable = False
        self.built = True

    def call(self, x, y):
        maps_x = image_features(self.feature_network, x)
        maps_y = image_features(self.feature_network, y)
        distance = 0.0
        for fx, fy, scale in zip(maps_x, maps_y, self.scales, strict=True):
            difference = ops.square(_normalized(fx) - _normalized(fy))
            difference = ops.sum(difference * scale, axis=-1)  # (batch, ...)
            axes = tuple(range(1, len(difference.shape)))
            distance += ops.mean(difference, axes) if axes else difference
        return distance

    def compute_output_spec(self, x, y):
        return keras.KerasTensor(x.shape[:1], "float32")


def _normalized(features):
    """Scale vectors `(..., channels)` to length 1; zeros stay zero."""
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features * ops.rsqrt(ops.maximum(square, EPSILON**2))


def _check_channel_weights(channel_weights, dims):
    found = [np.shape(values) for values in channel_weights]
    if found != [(dim,) for dim in dims]:
        raise ValueError(
            "`channel_weights` must be one list per feature map, with one "
            f"number per channel: {dims}. Received: lists of shapes {found}"
        )
    if any(np.min(values) < 0 for values in channel_weights):
        raise ValueError(
            "`channel_weights` must not be negative. Received: a minimum of "
            f"{min(map(np.min, channel_weights))}"
        )
