"""Encoders and decoders: functional builders that the models share."""

from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder

__all__ = ["residual_cnn_decoder", "residual_cnn_encoder"]
