import keras

from keras_vq.saving.config import serializable


@serializable
class Bottleneck(keras.layers.Layer):
    """Base of what lies between an encoder and a decoder.

    The quantizers are bottlenecks, and so are `GaussianBottleneck` and
    `IdentityBottleneck`. Called with the encoder's outputs, a bottleneck
    returns a dict with what the decoder takes, its weighted `loss`, and the
    unweighted parts of that loss. Whoever calls it adds `loss` to its own.

    A subclass sets `input_dim`, `output_dim` and `loss_names` and defines
    `call(z, training)`, `encode(z)` and `decode(latents)`. Everything is
    computed in float32 under every dtype policy.

    Args:
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.
    """

    built: bool
    # Length of the vectors that come in and that the decoder gets; None for
    # any length.
    input_dim: int | None = None
    output_dim: int | None = None
    # Key of what the decoder gets in the dict that a call returns.
    output_name = "latents"
    # Keys of the parts of `loss` in that dict.
    loss_names: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})

    def build(self, input_shape=None):
        """Create the variables, from the constructor's arguments alone."""
        self.built = True

    def encode(self, z):
        """The latents that represent an encoder's outputs.

        Args:
            z: float tensor `(batch, *grid, input_dim)`.

        Returns:
            tensor `(batch, *latent_shape)`; nothing is drawn at random.
        """
        raise NotImplementedError

    def decode(self, latents):
        """What the decoder gets for latents.

        Args:
            latents: tensor `(batch, *latent_shape)`.

        Returns:
            float32 tensor `(batch, *grid, output_dim)`.
        """
        raise NotImplementedError

    def latent_shape(self, grid, dim):
        """Shape of the latents of one input.

        Args:
            grid: tuple of int, the positions of one encoder output.
            dim: int, length of its vectors.

        Returns:
            tuple of int.
        """
        return (*grid, self.output_dim or dim)
