"""Quantizers and other layers."""

from keras_vq.layers.adaptive_transformer_block import AdaptiveTransformerBlock
from keras_vq.layers.attention import Attention
from keras_vq.layers.bottleneck import Bottleneck
from keras_vq.layers.causal_conv1d import CausalConv1D
from keras_vq.layers.causal_conv1d_transpose import CausalConv1DTranspose
from keras_vq.layers.causal_conv3d import CausalConv3D
from keras_vq.layers.causal_self_attention import CausalSelfAttention
from keras_vq.layers.code_embedding import CodeEmbedding
from keras_vq.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from keras_vq.layers.fourier_frames import FourierFrames
from keras_vq.layers.gated_masked_conv import GatedMaskedConv
from keras_vq.layers.gaussian_bottleneck import GaussianBottleneck
from keras_vq.layers.grouped_vector_quantizer import GroupedVectorQuantizer
from keras_vq.layers.gumbel_quantizer import GumbelQuantizer
from keras_vq.layers.identity_bottleneck import IdentityBottleneck
from keras_vq.layers.label_time_embedding import LabelTimeEmbedding
from keras_vq.layers.lookup_free_quantizer import LookupFreeQuantizer
from keras_vq.layers.masked_conv import MaskedConv
from keras_vq.layers.projected_quantizer import ProjectedQuantizer
from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.random_projection_quantizer import (
    RandomProjectionQuantizer,
)
from keras_vq.layers.residual_unit1d import ResidualUnit1D
from keras_vq.layers.residual_vector_quantizer import ResidualVectorQuantizer
from keras_vq.layers.sim_vector_quantizer import SimVectorQuantizer
from keras_vq.layers.snake import Snake
from keras_vq.layers.streaming_layer import StreamingLayer
from keras_vq.layers.subpixel_conv import SubpixelConv
from keras_vq.layers.sync_batch_normalization import SyncBatchNormalization
from keras_vq.layers.transformer_block import TransformerBlock
from keras_vq.layers.transposed_conv import TransposedConv
from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.layers.vector_quantizer_ema import VectorQuantizerEMA

__all__ = [
    "AdaptiveTransformerBlock",
    "Attention",
    "Bottleneck",
    "CausalConv1D",
    "CausalConv1DTranspose",
    "CausalConv3D",
    "CausalSelfAttention",
    "CodeEmbedding",
    "FiniteScalarQuantizer",
    "FourierFrames",
    "GatedMaskedConv",
    "GaussianBottleneck",
    "GroupedVectorQuantizer",
    "GumbelQuantizer",
    "IdentityBottleneck",
    "LabelTimeEmbedding",
    "LookupFreeQuantizer",
    "MaskedConv",
    "ProjectedQuantizer",
    "Quantizer",
    "RandomProjectionQuantizer",
    "ResidualUnit1D",
    "ResidualVectorQuantizer",
    "SimVectorQuantizer",
    "Snake",
    "StreamingLayer",
    "SubpixelConv",
    "SyncBatchNormalization",
    "TransformerBlock",
    "TransposedConv",
    "VectorQuantizer",
    "VectorQuantizerEMA",
]
