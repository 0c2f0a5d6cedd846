"""The built-in data set: a TFDS builder that renders its own pictures."""

from keras_vq.data.scenes.builder import SIZES
from keras_vq.data.scenes.builder import Scenes

__all__ = ["SIZES", "Scenes"]
