"""Adversarial and perceptual losses."""

from keras_vq.losses.adversarial import discriminator_loss
from keras_vq.losses.adversarial import generator_loss
from keras_vq.losses.adversarial import lecam_regularizer
from keras_vq.losses.adversary import Adversary
from keras_vq.losses.perceptual_loss import PerceptualLoss
from keras_vq.losses.spectral_loss import SpectralLoss

__all__ = [
    "Adversary",
    "PerceptualLoss",
    "SpectralLoss",
    "discriminator_loss",
    "generator_loss",
    "lecam_regularizer",
]
