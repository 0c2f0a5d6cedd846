"""Factories: each builds and compiles a model; `.fit(data)` is left to do."""

from keras_vq.zoo.autoencoder import autoencoder
from keras_vq.zoo.vae import vae
from keras_vq.zoo.vqvae import vqvae

__all__ = ["autoencoder", "vae", "vqvae"]
