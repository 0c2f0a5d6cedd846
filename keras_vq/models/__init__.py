"""First-stage models: encode images, audio or video, and decode latents."""

from keras_vq.models.autoencoder import Autoencoder
from keras_vq.models.cvae import CVAE
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.kl_autoencoder import KLAutoencoder
from keras_vq.models.pixels import Pixels
from keras_vq.models.remap_unused_codes import remap_unused_codes
from keras_vq.models.stacked_vqvae import StackedVQVAE
from keras_vq.models.stream import Stream
from keras_vq.models.text_encoder import TextEncoder
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.vae import VAE
from keras_vq.models.vqgan import VQGAN
from keras_vq.models.vqvae import VQVAE
from keras_vq.models.vqvae2 import VQVAE2

__all__ = [
    "CVAE",
    "VAE",
    "VQGAN",
    "VQVAE",
    "VQVAE2",
    "Autoencoder",
    "FirstStage",
    "KLAutoencoder",
    "Pixels",
    "StackedVQVAE",
    "Stream",
    "TextEncoder",
    "Tokenizer",
    "remap_unused_codes",
]
