"""Quantizers and other layers, one `keras.layers.Layer` per file."""

from keras_vq.layers.causal_conv1d import CausalConv1D
from keras_vq.layers.causal_self_attention import CausalSelfAttention
from keras_vq.layers.gated_masked_conv import GatedMaskedConv
from keras_vq.layers.masked_conv import MaskedConv
from keras_vq.layers.subpixel_conv import SubpixelConv
from keras_vq.layers.transformer_block import TransformerBlock
from keras_vq.layers.transposed_conv import TransposedConv
from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.layers.vector_quantizer_ema import VectorQuantizerEMA

__all__ = [
    "CausalConv1D",
    "CausalSelfAttention",
    "GatedMaskedConv",
    "MaskedConv",
    "SubpixelConv",
    "TransformerBlock",
    "TransposedConv",
    "VectorQuantizer",
    "VectorQuantizerEMA",
]
