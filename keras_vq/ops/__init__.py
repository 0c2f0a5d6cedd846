"""Stateless tensor functions: the equations behind layers and losses."""

from keras_vq.ops.binary_entropy import binary_entropy
from keras_vq.ops.code_distribution import code_distribution
from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.dense import dense
from keras_vq.ops.gated_activation import gated_activation
from keras_vq.ops.gaussian import gaussian_kl
from keras_vq.ops.gaussian import gaussian_log_prob
from keras_vq.ops.gaussian import standard_normal
from keras_vq.ops.inverse_cdf import inverse_cdf
from keras_vq.ops.k_means import k_means
from keras_vq.ops.l2_normalize import l2_normalize
from keras_vq.ops.laplace_noise import laplace_noise
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.ops.nearest_code import nearest_code
from keras_vq.ops.rotary import apply_rotary
from keras_vq.ops.rotary import rotary_angles
from keras_vq.ops.rotation_trick import rotation_trick
from keras_vq.ops.screened_nearest_code import screened_nearest_code
from keras_vq.ops.spectrogram import fourier_frames
from keras_vq.ops.spectrogram import mel_matrix
from keras_vq.ops.spectrogram import spectrogram
from keras_vq.ops.straight_through import straight_through
from keras_vq.ops.to_float import to_float

__all__ = [
    "apply_rotary",
    "binary_entropy",
    "code_counts",
    "code_distribution",
    "code_sums",
    "dense",
    "fourier_frames",
    "gated_activation",
    "gaussian_kl",
    "gaussian_log_prob",
    "inverse_cdf",
    "k_means",
    "l2_normalize",
    "laplace_noise",
    "masked_mean",
    "mel_matrix",
    "nearest_code",
    "rotary_angles",
    "rotation_trick",
    "screened_nearest_code",
    "spectrogram",
    "standard_normal",
    "straight_through",
    "to_float",
]
