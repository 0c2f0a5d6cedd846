"""Pipelines of images, recordings, videos and codes: TFDS, folders, `scenes`.

TensorFlow is used here as a library, whatever the Keras backend.
"""

from keras_vq.extras import require

require("keras_vq.data", "tensorflow", "tensorflow_datasets")

from keras_vq.data.audio import AudioFolder
from keras_vq.data.folder import ImageFolder
from keras_vq.data.load import load
from keras_vq.data.load_audio import load_audio
from keras_vq.data.load_codes import load_codes
from keras_vq.data.load_texts import load_texts
from keras_vq.data.load_video import load_video
from keras_vq.data.tokenize import load_tokens
from keras_vq.data.tokenize import tokenize
from keras_vq.data.video import VideoFolder

__all__ = [
    "AudioFolder",
    "ImageFolder",
    "VideoFolder",
    "load",
    "load_audio",
    "load_codes",
    "load_texts",
    "load_tokens",
    "load_video",
    "tokenize",
]
