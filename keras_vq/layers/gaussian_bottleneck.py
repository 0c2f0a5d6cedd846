import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.layers.bottleneck import Bottleneck
from keras_vq.ops.gaussian import gaussian_kl
from keras_vq.saving.config import serializable


@serializable
class GaussianBottleneck(Bottleneck):
    """Samples latents from a diagonal Gaussian, as in a VAE.

    ```
    mean, log_variance = split(z)
    latents = mean + exp(log_variance / 2) * noise
    kl_loss = KL(N(mean, variance) || N(0, 1))        summed over dimensions,
                                                      averaged over the batch
    loss    = kl_weight * kl_loss
    ```

    Args:
        latent_dim: int >= 1, length of a latent vector. The encoder's output
            vectors are twice as long.
        kl_weight: float >= 0, weight of the KL divergence. Defaults to 1.0.
        warmup_steps: int >= 0, training steps over which the weight rises
            linearly from 0 to `kl_weight`. Defaults to 0.
        free_bits: float >= 0, KL divergence that is not penalized, in nats per
            latent dimension, averaged over the batch. Defaults to 0.0.
        sample_at_inference: bool, whether to sample latents at inference
            instead of returning the mean. Defaults to False.
        seed: int or None, random seed of the noise. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(batch, *grid, 2 * latent_dim)`.
        prior: pair of tensors that broadcast with `(batch, *grid,
            latent_dim)`, mean and log-variance of the prior. Defaults to
            `(0.0, 0.0)`, the standard normal.
        training: bool. Defaults to False.

    Returns:
        dict:
        `latents`: float32 tensor `(batch, *grid, latent_dim)`.
        `loss`: float32 scalar, weighted.
        `kl_loss`: float32 scalar, in nats per example.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras_vq.layers.GaussianBottleneck(latent_dim=4)
    >>> outputs = layer(np.zeros((2, 8)), training=True)
    >>> outputs["latents"].shape, float(outputs["kl_loss"])
    ((2, 4), 0.0)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013, section 2.4.
        Kingma et al., Improved Variational Inference with Inverse
        Autoregressive Flow, 2016, appendix C.8, free bits.
    """

    loss_names = ("kl_loss",)

    def __init__(
        self,
        latent_dim,
        kl_weight=1.0,
        warmup_steps=0,
        free_bits=0.0,
        sample_at_inference=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.latent_dim = check_int("latent_dim", latent_dim)
        self.kl_weight = check_number("kl_weight", kl_weight, at_least=0)
        self.warmup_steps = check_int("warmup_steps", warmup_steps, 0)
        self.free_bits = check_number("free_bits", free_bits, at_least=0)
        self.sample_at_inference = check_flag(
            "sample_at_inference", sample_at_inference
        )
        self.seed = check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.input_dim, self.output_dim = 2 * self.latent_dim, self.latent_dim
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def call(self, z, prior=(0.0, 0.0), training=False):
        mean, log_variance = self.moments(z)
        kl = gaussian_kl(mean, log_variance, *prior)
        rows = ops.shape(kl)[0]
        # (latent_dim,): averaged over the batch, summed over the grid.
        kl = ops.sum(kl, axis=tuple(range(kl.ndim - 1)))
        kl = kl / ops.maximum(ops.cast(rows, "float32"), 1.0)
        penalty = ops.sum(self.above_free_bits(kl, rows))
        outputs = {
            "latents": mean,
            "loss": self.current_weight(training) * penalty,
            "kl_loss": ops.sum(kl),
        }
        if training or self.sample_at_inference:
            noise = keras.random.normal(
                ops.shape(mean), seed=self.seed_generator
            )
            outputs["latents"] = mean + ops.exp(0.5 * log_variance) * noise
        if training:
            self.steps.assign_add(1)
        return outputs

    def moments(self, z):
        """Split `z` into mean and log-variance, float32 `(..., latent_dim)`."""
        mean, log_variance = ops.split(ops.cast(z, "float32"), 2, axis=-1)
        return mean, ops.clip(log_variance, -30.0, 20.0)

    def encode(self, z):
        return self.moments(z)[0]

    def decode(self, latents):
        return ops.cast(latents, "float32")

    def above_free_bits(self, kl, rows):
        """`max(kl, free_bits)`, compared over the global batch."""
        share = backend.batch_share(rows)
        (global_kl,) = backend.all_sum(ops.stop_gradient(kl) * share)
        return ops.where(global_kl < self.free_bits, self.free_bits, kl)

    def current_weight(self, training):
        """`kl_weight`, with a linear warmup in training."""
        if not training or not self.warmup_steps:
            return self.kl_weight
        progress = ops.cast(self.steps, "float32") / self.warmup_steps
        return self.kl_weight * ops.minimum(progress, 1.0)
