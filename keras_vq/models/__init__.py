"""First-stage models, between images, audio or video and their latents."""

from keras_vq.models.autoencoder import Autoencoder
from keras_vq.models.cvae import CVAE
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.vae import VAE
from keras_vq.models.vqvae import VQVAE

__all__ = ["CVAE", "VAE", "VQVAE", "Autoencoder", "FirstStage", "Tokenizer"]
