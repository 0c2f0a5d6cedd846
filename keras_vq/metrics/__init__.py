"""Metrics of codes, images, sets of images and audio."""

from keras_vq.metrics.codebook_perplexity import CodebookPerplexity
from keras_vq.metrics.codebook_usage import CodebookUsage
from keras_vq.metrics.frechet_distance import FrechetDistance
from keras_vq.metrics.log_spectral_distance import LogSpectralDistance
from keras_vq.metrics.lpips import LPIPS
from keras_vq.metrics.mel_distance import MelDistance
from keras_vq.metrics.psnr import PSNR
from keras_vq.metrics.si_sdr import SISDR
from keras_vq.metrics.ssim import SSIM

__all__ = [
    "LPIPS",
    "PSNR",
    "SISDR",
    "SSIM",
    "CodebookPerplexity",
    "CodebookUsage",
    "FrechetDistance",
    "LogSpectralDistance",
    "MelDistance",
]
