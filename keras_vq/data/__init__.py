"""Pipelines of images: TFDS data sets, folders and the built-in `scenes`.

TensorFlow is used here as a library, whatever the Keras backend.
"""

from keras_vq.data.load import load

__all__ = ["load"]
