"""Pretrained and other networks, used to describe images."""

import keras
from keras import ops


def feature_dims(network):
    """Numbers of channels of what a network makes of images.

    Args:
        network: `keras.Model` of one input of known channels, with one output
            or several, of known channels.

    Returns:
        list of int, one for each output.

    Raises:
        ValueError: If `network` is not such a model.
    """
    shapes = []
    if isinstance(network, keras.Model) and getattr(network, "inputs", None):
        inputs = keras.tree.flatten(network.inputs)
        outputs = keras.tree.flatten(network.outputs)
        if len(inputs) == 1 and inputs[0].shape[-1]:
            shapes = [output.shape for output in outputs]
    if not shapes or not all(len(s) > 1 and s[-1] for s in shapes):
        raise ValueError(
            "`feature_network` must be a functional or built Sequential "
            "`keras.Model` from images (batch, height, width, channels) in "
            "[0, 1] to features with a known last axis. Received: "
            f"feature_network={network!r}"
        )
    return [shape[-1] for shape in shapes]


def image_features(network, images):
    """What a network makes of images, as at inference.

    Grey images are repeated for a network that takes three channels.

    Args:
        network: `keras.Model`, one that `feature_dims` takes.
        images: float tensor `(batch, height, width, channels)` in [0, 1].

    Returns:
        list of float32 tensors `(batch, ..., channels)`.

    Raises:
        ValueError: If the images have other channels than the network takes,
            or are too small for it.
    """
    channels = network.inputs[0].shape[-1]
    if images.shape[-1] == 1 and channels == 3:
        images = ops.repeat(images, 3, axis=-1)
    if images.shape[-1] != channels:
        raise ValueError(
            f"`feature_network` takes images of {channels} channels. Received: "
            f"images of shape {tuple(images.shape)}"
        )
    try:
        network.compute_output_shape(tuple(images.shape))
    except ValueError as error:
        raise ValueError(
            "`feature_network` takes no such images; they may be too small. "
            f"Received: images of shape {tuple(images.shape)}. {error}"
        ) from error
    features = keras.tree.flatten(network(images, training=False))
    return [ops.cast(f, "float32") for f in features]
