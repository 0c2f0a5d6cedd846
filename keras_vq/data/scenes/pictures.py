"""Convert the maps of a scene to pictures, to train tokenizers on."""

import numpy as np
import tensorflow as tf

from keras_vq.data.scenes.renderer import SEGMENTS

# One for each of `SEGMENTS`, far from each other.
SEGMENT_COLORS = np.array(
    [
        (120, 190, 255),
        (90, 90, 90),
        (230, 30, 30),
        (40, 200, 40),
        (40, 40, 220),
        (255, 225, 25),
    ],
    "uint8",
)
assert len(SEGMENT_COLORS) == len(SEGMENTS)
_DEPTH_STEP = 100  # a tenth of a unit for each level of gray


def as_picture(feature, value):
    """A feature of `Scenes` as a picture.

    Args:
        feature: `"image"`, `"segmentation"` (a color for each kind of thing),
            `"depth"` (lighter is farther, black is the sky) or `"edges"`.
        value: tensor `(size, size, channels)`, what the data set holds.

    Returns:
        uint8 tensor `(size, size, 1 or 3)`.
    """
    if feature == "segmentation":
        return tf.gather(SEGMENT_COLORS, tf.cast(value[..., 0], tf.int32))
    if feature == "depth":
        depth = tf.cast(value, tf.int32) // _DEPTH_STEP
        return tf.cast(tf.minimum(depth, 255), tf.uint8)
    return value


def segments(pictures):
    """Convert pictures of segmentations to indices, by the nearest color.

    Args:
        pictures: float array `(..., 3)` in [0, 1].

    Returns:
        NumPy int array `(...)`, indices in `renderer.SEGMENTS`.
    """
    colors = SEGMENT_COLORS / 255.0
    return np.square(pictures[..., None, :] - colors).sum(-1).argmin(-1)
