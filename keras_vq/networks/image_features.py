"""Features of images from pretrained or other networks."""

import keras
from keras import ops


def feature_dims(network):
    """Number of channels of each output of a feature network.

    Args:
        network: `keras.Model` with one input and one or several outputs, all
            with a known number of channels.

    Returns:
        list of int, one per output.

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
    """Compute features of images in inference mode.

    Grayscale images are repeated for a network with three input channels.

    Args:
        network: `keras.Model` accepted by `feature_dims`.
        images: float tensor `(batch, height, width, channels)` in [0, 1].

    Returns:
        list of float32 tensors `(batch, ..., channels)`.

    Raises:
        ValueError: If the images have the wrong number of channels or are too
            small for the network.
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
            "`feature_network` rejects these images; they may be too small. "
            f"Received: images of shape {tuple(images.shape)}. {error}"
        ) from error
    features = keras.tree.flatten(network(images, training=False))
    return [ops.cast(f, "float32") for f in features]
