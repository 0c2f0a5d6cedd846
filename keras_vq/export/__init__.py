"""Export models for use without Keras, with TensorFlow as a library."""

from keras_vq.extras import require

require("keras_vq.export", "tensorflow")

from keras_vq.export.export_model import export_model
from keras_vq.export.onnx import onnx
from keras_vq.export.saved_model import saved_model

__all__ = ["export_model", "onnx", "saved_model"]
