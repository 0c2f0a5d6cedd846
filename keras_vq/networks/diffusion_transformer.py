import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.networks.adaptive_transformer import AdaptiveTransformer
from keras_vq.networks.conditioning import Conditioning
from keras_vq.networks.latent_denoiser import LatentDenoiser
from keras_vq.saving.config import serializable


@serializable
class DiffusionTransformer(LatentDenoiser):
    """A transformer on patches of noisy latents.

    Each patch becomes a token. Label and time steer the blocks by adaptive
    layer normalization. A new network returns zeros.

    Args:
        latent_shape: tuple of int, `(*grid, channels)` of one input's latents.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        num_layers, num_heads, hidden_dim, intermediate_dim, dropout: Arguments
            of the blocks; see `keras_vq.networks.AdaptiveTransformer`.
        patch_size: int >= 1, edge of a patch; must divide the grid. Defaults
            to 1.
        condition_shape: tuple of two int or None, length and channels of the
            sequence of vectors that conditions the network. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        latents, conditioning, time, training: See
            `keras_vq.networks.LatentDenoiser`.

    Returns:
        float32 tensor `(batch, *latent_shape)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.DiffusionTransformer(
    ...     (8, 8, 4), num_layers=2, hidden_dim=32, patch_size=2)
    >>> network(np.ones((2, 8, 8, 4)), time=np.array([0.5, 1.0])).shape
    (2, 8, 8, 4)

    References:
        Peebles and Xie, Scalable Diffusion Models with Transformers, 2023,
        section 3.2.
    """

    def __init__(
        self,
        latent_shape,
        num_classes=None,
        num_layers=6,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=None,
        dropout=0.0,
        patch_size=1,
        condition_shape=None,
        **kwargs,
    ):
        super().__init__(latent_shape, num_classes, condition_shape, **kwargs)
        self.patch_size = check_int("patch_size", patch_size)
        *grid, channels = self.latent_shape
        if any(n % self.patch_size for n in grid):
            raise ValueError(
                "`patch_size` must divide the grid of the latents. Received: "
                f"patch_size={patch_size} and latent_shape={self.latent_shape}"
            )
        self.transformer = AdaptiveTransformer(
            [n // self.patch_size for n in grid],
            num_classes,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout,
            condition_shape,
            takes_time=True,
            dtype=self.dtype_policy,
        )
        self.num_layers = self.transformer.num_layers
        self.num_heads = self.transformer.num_heads
        self.hidden_dim = self.transformer.hidden_dim
        self.intermediate_dim = self.transformer.intermediate_dim
        self.dropout = self.transformer.dropout
        patch_dim = channels * self.patch_size ** len(grid)
        self.inputs = keras.layers.Dense(
            self.hidden_dim, dtype=self.dtype_policy
        )
        self.inputs.build((None, patch_dim))
        self.outputs = keras.layers.Dense(
            patch_dim, kernel_initializer="zeros", dtype="float32"
        )
        self.outputs.build((None, self.hidden_dim))
        self.built = True

    def call(
        self, latents, conditioning=Conditioning(), time=None, training=False
    ):
        x = self.inputs(self._to_patches(latents))
        x = self.transformer(x, conditioning, time, training=training)
        return self._from_patches(self.outputs(x))

    def _to_patches(self, x):
        """`(batch, *grid / patch_size, patch_dim)`."""
        grid, axes, split = (
            self.transformer.grid,
            len(self.transformer.grid),
            [],
        )
        for n in grid:
            split += [n, self.patch_size]
        x = ops.reshape(x, (-1, *split, self.latent_shape[-1]))
        cells = range(1, 2 * axes, 2)
        within = range(2, 2 * axes + 1, 2)
        x = ops.transpose(x, (0, *cells, *within, 2 * axes + 1))
        return ops.reshape(x, (-1, *grid, self.inputs.kernel.shape[0]))

    def _from_patches(self, x):
        """The inverse of `_to_patches`."""
        grid, axes = self.transformer.grid, len(self.transformer.grid)
        patch = (self.patch_size,) * axes
        x = ops.reshape(x, (-1, *grid, *patch, self.latent_shape[-1]))
        order = [0]
        for axis in range(axes):
            order += [1 + axis, 1 + axes + axis]
        x = ops.transpose(x, (*order, 2 * axes + 1))
        return ops.reshape(x, (-1, *self.latent_shape))
