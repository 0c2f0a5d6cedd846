"""Models for use without Keras. TensorFlow is used here as a library."""

from keras_vq.export.saved_model import saved_model

__all__ = ["saved_model"]
