"""Encoders and decoders: functional builders that the models share."""

from keras_vq.networks.check_sizes import check_sizes
from keras_vq.networks.conditional import conditional_decoder
from keras_vq.networks.conditional import conditional_encoder
from keras_vq.networks.encoder_decoder import encoder_decoder
from keras_vq.networks.mlp import mlp_decoder
from keras_vq.networks.mlp import mlp_encoder
from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder

__all__ = [
    "check_sizes",
    "conditional_decoder",
    "conditional_encoder",
    "encoder_decoder",
    "mlp_decoder",
    "mlp_encoder",
    "residual_cnn_decoder",
    "residual_cnn_encoder",
]
