import keras

from keras_vq import backend
from keras_vq.checks import check_shape
from keras_vq.networks.adaptive_transformer import check_sequence
from keras_vq.saving.config import serializable


@serializable
class LatentDenoiser(backend.LayerMixin, keras.layers.Layer):
    """Base class of the networks of diffusion on continuous latents.

    A subclass builds its layers in `__init__`, and defines `call(latents,
    conditioning, time, training)`. What the outputs mean, noise or velocity,
    depends on the prior.

    Args:
        latent_shape: tuple of int, `(*grid, channels)` of one input's latents.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        condition_shape: tuple of two int or None, length and channels of the
            sequence of vectors that conditions the network. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        latents: float tensor `(batch, *latent_shape)`, noisy latents.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        time: float tensor `(batch,)` in [0, 1].
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *latent_shape)`.

    Raises:
        ValueError: If an argument is out of range.
    """

    # Of a condition that consists of codes; here it consists of floats.
    num_condition_embeddings = None

    def __init__(
        self, latent_shape, num_classes=None, condition_shape=None, **kwargs
    ):
        super().__init__(**{"autocast": False, **kwargs})
        self.latent_shape = check_shape("latent_shape", latent_shape)
        if len(self.latent_shape) < 2:
            raise ValueError(
                "`latent_shape` must be (*grid, channels). Received: "
                f"latent_shape={self.latent_shape}"
            )
        self.num_classes = num_classes
        self.condition_shape = check_sequence(condition_shape)

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def compute_output_shape(self, latents_shape, *args, **kwargs):
        return latents_shape
