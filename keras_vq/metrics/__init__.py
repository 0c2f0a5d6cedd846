"""Metrics of codes, images and sets of images."""

from keras_vq.metrics.codebook_perplexity import CodebookPerplexity
from keras_vq.metrics.codebook_usage import CodebookUsage
from keras_vq.metrics.frechet_distance import FrechetDistance
from keras_vq.metrics.lpips import LPIPS
from keras_vq.metrics.psnr import PSNR
from keras_vq.metrics.ssim import SSIM

__all__ = [
    "LPIPS",
    "PSNR",
    "SSIM",
    "CodebookPerplexity",
    "CodebookUsage",
    "FrechetDistance",
]
