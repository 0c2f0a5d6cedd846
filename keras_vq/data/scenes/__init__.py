"""The built-in data set: a TFDS builder that renders its own pictures."""

from keras_vq.data.scenes.builder import NUM_EXAMPLES
from keras_vq.data.scenes.builder import SIZES
from keras_vq.data.scenes.builder import Scenes
from keras_vq.data.scenes.captions import COLORS
from keras_vq.data.scenes.pictures import SEGMENT_COLORS
from keras_vq.data.scenes.pictures import as_picture
from keras_vq.data.scenes.pictures import segments

__all__ = [
    "COLORS",
    "NUM_EXAMPLES",
    "SEGMENT_COLORS",
    "SIZES",
    "Scenes",
    "as_picture",
    "segments",
]
