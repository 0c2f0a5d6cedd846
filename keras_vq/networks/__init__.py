"""Functional builders: encoders and decoders, and networks that compare."""

from keras_vq.networks.check_sizes import check_sizes
from keras_vq.networks.conditional import conditional_decoder
from keras_vq.networks.conditional import conditional_encoder
from keras_vq.networks.encoder_decoder import encoder_decoder
from keras_vq.networks.hierarchical_cnn import hierarchical_cnn
from keras_vq.networks.image_features import feature_dims
from keras_vq.networks.image_features import image_features
from keras_vq.networks.inception_features import inception_features
from keras_vq.networks.mlp import mlp_decoder
from keras_vq.networks.mlp import mlp_encoder
from keras_vq.networks.patch_discriminator import patch_discriminator
from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder
from keras_vq.networks.vgg16_features import vgg16_features
from keras_vq.networks.vqgan_cnn import vqgan_decoder
from keras_vq.networks.vqgan_cnn import vqgan_encoder

__all__ = [
    "check_sizes",
    "conditional_decoder",
    "conditional_encoder",
    "encoder_decoder",
    "feature_dims",
    "hierarchical_cnn",
    "image_features",
    "inception_features",
    "mlp_decoder",
    "mlp_encoder",
    "patch_discriminator",
    "residual_cnn_decoder",
    "residual_cnn_encoder",
    "vgg16_features",
    "vqgan_decoder",
    "vqgan_encoder",
]
