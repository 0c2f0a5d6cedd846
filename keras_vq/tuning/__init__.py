"""Searches by KerasTuner: a hypermodel for each factory of `keras_vq.zoo`."""

from keras_vq.tuning.hyper_factory import HyperFactory
from keras_vq.tuning.hyper_models import HyperAutoencoder
from keras_vq.tuning.hyper_models import HyperCVAE
from keras_vq.tuning.hyper_models import HyperKLAutoencoder
from keras_vq.tuning.hyper_models import HyperStackedVQVAE
from keras_vq.tuning.hyper_models import HyperVAE
from keras_vq.tuning.hyper_models import HyperVQGAN
from keras_vq.tuning.hyper_models import HyperVQVAE
from keras_vq.tuning.hyper_models import HyperVQVAE2
from keras_vq.tuning.hyper_priors import HyperPixelCNN
from keras_vq.tuning.hyper_priors import HyperTransformer
from keras_vq.tuning.hyper_priors import HyperVQVAE2Prior
from keras_vq.tuning.hyper_priors import HyperWaveNet
from keras_vq.tuning.rate_distortion import RateDistortion

__all__ = [
    "HyperAutoencoder",
    "HyperCVAE",
    "HyperFactory",
    "HyperKLAutoencoder",
    "HyperPixelCNN",
    "HyperStackedVQVAE",
    "HyperTransformer",
    "HyperVAE",
    "HyperVQGAN",
    "HyperVQVAE",
    "HyperVQVAE2",
    "HyperVQVAE2Prior",
    "HyperWaveNet",
    "RateDistortion",
]
