import keras

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class Bottleneck(backend.LayerMixin, keras.layers.Layer):
    """Base class for bottlenecks between an encoder and a decoder.

    Quantizers, `GaussianBottleneck` and `IdentityBottleneck` are bottlenecks.
    Called with the encoder's outputs, a bottleneck returns a dict with the
    decoder's input, the weighted `loss`, and the unweighted parts of that loss.
    The caller adds `loss` to its own loss.

    A subclass sets `input_dim`, `output_dim` and `loss_names` and defines
    `call(z, training)`, `encode(z)` and `decode(latents)`. Its sizes are
    arguments, so it creates its variables in `__init__`, where an optimizer
    finds them before the first call. Everything is computed in float32 under
    every dtype policy.

    Args:
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    built: bool
    # Length of the input vectors and of the vectors for the decoder; None for
    # any length.
    input_dim: int | None = None
    output_dim: int | None = None
    # Key of the decoder's input in the returned dict.
    output_name = "latents"
    # Keys of the parts of `loss` in the returned dict.
    loss_names: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})

    def build(self, input_shape=None):
        # Variables are created in `__init__`.
        self.built = True

    def encode(self, z):
        """Map encoder outputs to latents, without sampling.

        Args:
            z: float tensor `(batch, *grid, input_dim)`.

        Returns:
            Tensor `(batch, *latent_shape)`.
        """
        raise NotImplementedError

    def decode(self, latents):
        """Map latents to the decoder's input.

        Args:
            latents: Tensor `(batch, *latent_shape)`.

        Returns:
            float32 tensor `(batch, *grid, output_dim)`.
        """
        raise NotImplementedError

    def latent_shape(self, grid, dim):
        """Shape of the latents of one input.

        Args:
            grid: tuple of int, spatial shape of one encoder output.
            dim: int, length of its vectors.

        Returns:
            tuple of int.
        """
        return (*grid, self.output_dim or dim)
