from keras import ops

from keras_vq.layers.bottleneck import Bottleneck
from keras_vq.saving.config import serializable


@serializable
class IdentityBottleneck(Bottleneck):
    """Passes vectors through unchanged, as in a plain autoencoder.

    Args:
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(batch, ..., dim)`.
        training: bool, ignored.

    Returns:
        dict:
        `latents`: float32 tensor of the shape of `z`.
        `loss`: float32 scalar, 0.

    Example:

    >>> layer = keras_vq.layers.IdentityBottleneck()
    >>> layer(np.ones((2, 8)))["latents"].shape
    (2, 8)
    """

    def call(self, z, training=False):
        return {
            "latents": ops.cast(z, "float32"),
            "loss": ops.zeros((), "float32"),
        }

    def encode(self, z):
        return ops.cast(z, "float32")

    def decode(self, latents):
        return ops.cast(latents, "float32")
