import keras
import numpy as np
from keras import ops

from keras_vq.checks import check_number
from keras_vq.losses.lpips_weights import find_lpips_weights
from keras_vq.losses.lpips_weights import lpips_channel_weights
from keras_vq.networks import feature_dims
from keras_vq.networks import image_features
from keras_vq.networks import vgg16_features
from keras_vq.saving.config import serializable

# Smallest length by which a feature vector is divided.
EPSILON = 1e-10


@serializable
class PerceptualLoss(keras.layers.Layer):
    """Distance of two images in the features of a network.

    The vectors of each feature map are scaled to length 1. Their squared
    differences are weighted by channel, summed over channels, averaged over
    positions and summed over the maps:

        sum_l mean_hw sum_c w_lc (fx_lhwc - fy_lhwc)**2

    Gradients flow to both images. The network is frozen (its own `trainable`
    is set) and runs in inference mode.

    `"lpips"` is VGG-16 with calibrated channel weights. One file holds both,
    written by `scripts/convert_lpips.py`. As with any layer the configuration
    holds the network's architecture without its trained weights, and a
    `.keras` file holds both; loading one does not need the file of weights.

    Args:
        feature_network: `keras.Model` from images `(batch, height, width,
            channels)` in [0, 1] to one feature map `(batch, ..., channels)`
            or several. Or `"lpips"`. Defaults to `"lpips"`.
        weight: float > 0, weight in the loss of a model. The layer's output is
            not multiplied by it. Defaults to 1.0.
        weights_file: str or Path, for `"lpips"` the file of weights, the folder
            that holds it as `lpips_vgg16.safetensors`, or its URL. Defaults to
            None: the environment variable `KERAS_VQ_LPIPS`, or else
            `~/.keras/keras_vq/lpips_vgg16.safetensors`.
        channel_weights: list of lists of float >= 0, the weights of the
            channels of each map. Defaults to None: those of the file for
            `"lpips"`, 1 for other networks.
        **kwargs: Keyword arguments of `keras.layers.Layer`. Everything
            is computed in float32, whatever the policy.

    Call arguments:
        x: float tensor `(batch, height, width, channels)` in [0, 1]. Gray
            images are repeated for a network with three input channels.
        y: float tensor of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Raises:
        FileNotFoundError: If the weights of `"lpips"` are not found.
        ValueError: If `feature_network` is not such a model, or the channel
            weights do not fit it or are negative.

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

    # Not stored: the weights are part of the network once they are loaded.
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
                "`weights_file` is for feature_network='lpips'. Received: "
                f"weights_file={str(weights_file)!r} with another network; "
                "load its weights first."
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
    """Vectors `(..., channels)` scaled to length 1; zeros stay zero."""
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
            "`channel_weights` must not be negative, nor must a distance. "
            f"Received: a smallest of {min(map(np.min, channel_weights))}."
        )
