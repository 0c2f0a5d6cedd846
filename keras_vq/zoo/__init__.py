"""Factories that build and compile models, and trained models to load."""

from keras_vq.zoo.audio_codec import audio_codec
from keras_vq.zoo.autoencoder import autoencoder
from keras_vq.zoo.cvae import cvae
from keras_vq.zoo.kl_autoencoder import kl_autoencoder
from keras_vq.zoo.latent_diffusion import latent_diffusion
from keras_vq.zoo.load import load
from keras_vq.zoo.maskgit import maskgit
from keras_vq.zoo.pixelcnn import pixelcnn
from keras_vq.zoo.stacked_vqvae import stacked_vqvae
from keras_vq.zoo.transformer import transformer
from keras_vq.zoo.vae import vae
from keras_vq.zoo.vq_diffusion import vq_diffusion
from keras_vq.zoo.vqgan import vqgan
from keras_vq.zoo.vqvae import vqvae
from keras_vq.zoo.vqvae2 import vqvae2
from keras_vq.zoo.vqvae2_prior import vqvae2_prior
from keras_vq.zoo.wavenet import wavenet

# By name, for recipes and searches.
FACTORIES = {
    factory.__name__: factory
    for factory in (
        audio_codec,
        autoencoder,
        cvae,
        kl_autoencoder,
        latent_diffusion,
        maskgit,
        pixelcnn,
        stacked_vqvae,
        transformer,
        vae,
        vq_diffusion,
        vqgan,
        vqvae,
        vqvae2,
        vqvae2_prior,
        wavenet,
    )
}

__all__ = [
    "FACTORIES",
    "audio_codec",
    "autoencoder",
    "cvae",
    "kl_autoencoder",
    "latent_diffusion",
    "load",
    "maskgit",
    "pixelcnn",
    "stacked_vqvae",
    "transformer",
    "vae",
    "vq_diffusion",
    "vqgan",
    "vqvae",
    "vqvae2",
    "vqvae2_prior",
    "wavenet",
]
