"""Encoders and decoders, discriminators, and causal networks.

The functions build `keras.Model` instances. The causal networks, which only see
earlier codes, are layers.
"""

from keras_vq.networks.adaptive_transformer import AdaptiveTransformer
from keras_vq.networks.audio_discriminators import audio_discriminator
from keras_vq.networks.audio_discriminators import multi_period_discriminator
from keras_vq.networks.audio_discriminators import (
    multi_scale_stft_discriminator,
)
from keras_vq.networks.causal_network import CausalNetwork
from keras_vq.networks.code_cnn import code_encoder_decoder
from keras_vq.networks.codec_cnn import codec_decoder
from keras_vq.networks.codec_cnn import codec_encoder
from keras_vq.networks.conditional import conditional_decoder
from keras_vq.networks.conditional import conditional_encoder
from keras_vq.networks.conditioning import Conditioning
from keras_vq.networks.denoising_transformer import DenoisingTransformer
from keras_vq.networks.diffusion_transformer import DiffusionTransformer
from keras_vq.networks.encoder_decoder import encoder_decoder
from keras_vq.networks.hierarchical_cnn import hierarchical_cnn
from keras_vq.networks.latent_denoiser import LatentDenoiser
from keras_vq.networks.mlp import mlp_decoder
from keras_vq.networks.mlp import mlp_encoder
from keras_vq.networks.patch_discriminator import patch_discriminator
from keras_vq.networks.pixelcnn import PixelCNN
from keras_vq.networks.pixelsnail import PixelSNAIL
from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder
from keras_vq.networks.sliding_window import SlidingWindow
from keras_vq.networks.transformer import Transformer
from keras_vq.networks.unet import UNet
from keras_vq.networks.vqgan_cnn import vqgan_decoder
from keras_vq.networks.vqgan_cnn import vqgan_encoder
from keras_vq.networks.wavenet import WaveNet

__all__ = [
    "AdaptiveTransformer",
    "CausalNetwork",
    "Conditioning",
    "DenoisingTransformer",
    "DiffusionTransformer",
    "LatentDenoiser",
    "PixelCNN",
    "PixelSNAIL",
    "SlidingWindow",
    "Transformer",
    "UNet",
    "WaveNet",
    "audio_discriminator",
    "code_encoder_decoder",
    "codec_decoder",
    "codec_encoder",
    "conditional_decoder",
    "conditional_encoder",
    "encoder_decoder",
    "hierarchical_cnn",
    "mlp_decoder",
    "mlp_encoder",
    "multi_period_discriminator",
    "multi_scale_stft_discriminator",
    "patch_discriminator",
    "residual_cnn_decoder",
    "residual_cnn_encoder",
    "vqgan_decoder",
    "vqgan_encoder",
]
