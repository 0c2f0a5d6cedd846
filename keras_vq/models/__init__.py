"""First-stage models: tokenizers of images, audio and video."""

from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.vqvae import VQVAE

__all__ = ["VQVAE", "Tokenizer"]
