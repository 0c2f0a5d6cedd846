"""Pipelines of images and codes: TFDS, folders and the built-in `scenes`.

TensorFlow is used here as a library, whatever the Keras backend.
"""

from keras_vq.extras import require

require("keras_vq.data", "tensorflow", "tensorflow_datasets")

from keras_vq.data.folder import ImageFolder
from keras_vq.data.load import load
from keras_vq.data.load_codes import load_codes
from keras_vq.data.load_texts import load_texts
from keras_vq.data.tokenize import load_tokens
from keras_vq.data.tokenize import tokenize

__all__ = [
    "ImageFolder",
    "load",
    "load_codes",
    "load_texts",
    "load_tokens",
    "tokenize",
]
