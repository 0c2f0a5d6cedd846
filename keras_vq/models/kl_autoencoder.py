import math

import keras
from keras import ops

from keras_vq.models.adversarial_autoencoder import AdversarialAutoencoder
from keras_vq.ops import gaussian_kl
from keras_vq.ops import mean


@keras.saving.register_keras_serializable(package="keras_vq")
class KLAutoencoder(AdversarialAutoencoder):
    """The KL-regularized autoencoder of latent diffusion.

    The VQGAN with a Gaussian posterior, held near a standard normal by a tiny
    weight, in the place of the codebook:

    ```
    z_mean, log_variance = encoder(x)
    z    = z_mean + exp(log_variance / 2) * noise
    nll  = mean |x - decoder(z)| + perceptual loss
    loss = nll + kl_weight * KL(q(z | x) || N(0, 1)) / number of input values
    ```

    and in training `disc_weight * adaptive weight *` the generator's loss.
    Nothing is drawn outside of training: the latents are the means.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 4.
        kl_weight: float >= 0, weight of the KL term. Defaults to 1e-6.
        seed: int or None, of the noise in training. Defaults to None.
        **kwargs: See `AdversarialAutoencoder`: the networks, `perceptual_loss`,
            `disc_weight`, `disc_start` and so on.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If an argument is out of range, the input is too small for
            the number of sizes, or an attention resolution never occurs.
        FileNotFoundError: If there are no weights for `"lpips"`.

    Example:

    >>> model = keras_vq.models.KLAutoencoder(
    ...     (16, 16, 3), hidden_dim=8, channel_multipliers=(1, 2), disc_weight=0
    ... )
    >>> model.compile({"generator": "adam"})
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.adapt(images)
    >>> latents = model.encode_latents(images)
    >>> latents.shape, round(float(latents.std()), 3)
    ((8, 8, 8, 4), 1.0)
    >>> model.decode_latents(latents).shape
    (8, 16, 16, 3)

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, section 3.1 and appendix G.
    """

    def __init__(
        self, input_shape, latent_dim=4, kl_weight=1e-6, seed=None, **kwargs
    ):
        if not kl_weight >= 0:
            raise ValueError(
                "`kl_weight` must not be negative. Received: "
                f"kl_weight={kl_weight}"
            )
        super().__init__(
            input_shape,
            encoder_dim=2 * latent_dim,
            latent_dim=latent_dim,
            **kwargs,
        )
        self.kl_weight = kl_weight
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.latent_shape = (*self.encoder.output_shape[1:-1], latent_dim)
        self.add_autoencoder_logs("kl_loss")
        self.built = True

    def bottleneck(self, z, training):
        z_mean, log_variance = _moments(z)
        kl = gaussian_kl(z_mean, log_variance)
        kl = mean(ops.sum(kl, axis=tuple(range(1, kl.ndim))))
        kl_per_value = kl / math.prod(self.input_shape)
        losses = {"loss": self.kl_weight * kl_per_value, "kl_loss": kl}
        if not training:
            return z_mean, losses
        noise = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * log_variance) * noise, losses

    def latents_of(self, x):
        x = self.to_network_range(self.to_unit_range(x))
        return _moments(self.encoder(x))[0]

    def encode_step(self, x):
        return self.latents_of(x)

    def decode_step(self, latents):
        return self.outputs_of(latents)

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "kl_weight": self.kl_weight,
            "seed": self.seed,
        }


def _moments(z):
    z_mean, log_variance = ops.split(z, 2, axis=-1)
    return z_mean, ops.clip(log_variance, -30.0, 20.0)
