"""Pipelines of images: TFDS data sets, folders and the built-in `scenes`.

TensorFlow is used here as a library, whatever the Keras backend.
"""

from keras_vq.data.load import load
from keras_vq.data.load_codes import load_codes

__all__ = ["load", "load_codes"]
