import math

import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.models.autoencoder import Autoencoder
from keras_vq.networks import check_sizes
from keras_vq.ops import gaussian_kl
from keras_vq.ops import gaussian_log_prob
from keras_vq.ops import mean
from keras_vq.training.in_batches import in_batches

# Decoder runs of one compiled step of `evaluate_log_likelihood`.
_SAMPLES_AT_ONCE = 4096


@keras.saving.register_keras_serializable(package="keras_vq")
class VAE(Autoencoder):
    """The variational autoencoder: a Gaussian posterior, a Gaussian prior.

    ```
    mean, log_variance = encoder(x)
    z    = mean + exp(log_variance / 2) * noise
    loss = -log p(x | decoder(z)) + beta * KL(q(z | x) || N(0, 1))
    ```

    in nats, summed over the values of an example and averaged over examples,
    so that with `beta=1` and no free bits `loss` is a bound of -log p(x).

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
        beta: float >= 0, weight of the KL term. Defaults to 1.0.
        beta_warmup_steps: int >= 0, training steps over which the weight of
            the KL term rises from 0 to `beta`. Defaults to 0.
        free_bits: float >= 0, nats of each latent dimension, on average over
            the batch, that the KL term does not punish. Defaults to 0.0.
        seed: int or None, of the noise in training and evaluation. Defaults to
            None.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"bernoulli"`.
        **kwargs: See `Autoencoder`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the mean of p(x | z) at the
        mean of the posterior: nothing is drawn.

    Raises:
        ValueError: If an argument is out of range, or `downsampling` does not
            divide the size of the input.

    Example:

    >>> model = keras_vq.models.VAE((28, 28, 1), latent_dim=8, network="mlp")
    >>> model.compile("adam")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> history = model.fit(images, verbose=0)
    >>> model.generate(4, seed=0).shape
    (4, 28, 28, 1)
    >>> model.evaluate_log_likelihood(images, 10).shape
    (16,)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013.
        Burda et al., Importance Weighted Autoencoders, 2015, section 3.
        Kingma et al., Improved Variational Inference with Inverse
        Autoregressive Flow, 2016, appendix C.8, free bits.
    """

    def __init__(
        self,
        input_shape,
        latent_dim=32,
        beta=1.0,
        beta_warmup_steps=0,
        free_bits=0.0,
        seed=None,
        likelihood="bernoulli",
        **kwargs,
    ):
        for name, value in {
            "beta": beta,
            "beta_warmup_steps": beta_warmup_steps,
            "free_bits": free_bits,
        }.items():
            if value < 0:
                raise ValueError(
                    f"`{name}` must not be negative. Received: {name}={value}"
                )
        super().__init__(
            input_shape, latent_dim, likelihood=likelihood, **kwargs
        )
        self.beta = beta
        self.beta_warmup_steps = beta_warmup_steps
        self.free_bits = free_bits
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )
        names = ["reconstruction_loss", "kl_loss", "negative_elbo"]
        if self.has_true_likelihood:
            names.append("bits_per_dim")
        self.add_logs(*names)
        self.built = True

    def make_networks(self, encoder_dim, **kwargs):
        return super().make_networks(2 * encoder_dim, **kwargs)

    def posterior(self, x, *condition, training=False):
        """Mean and log-variance of q(z | x).

        Args:
            x: float tensor `(batch, *input_shape)` in `value_range`.
            *condition: What a conditional model knows besides.
            training: bool. Defaults to False.

        Returns:
            Two float32 tensors `(batch, *latent_shape)`.
        """
        x = self.to_network_range(x)
        outputs = self.encoder(_given(x, condition), training=training)
        mean, log_variance = ops.split(outputs, 2, axis=-1)
        return mean, ops.clip(log_variance, -30.0, 20.0)

    def prior(self, *condition):
        """Mean and log-variance of p(z), a standard normal."""
        return 0.0, 0.0

    def encode_step(self, x):
        return self.posterior(self.to_unit_range(x))[0]

    def training_step(self, data):
        logs = super().training_step(data)
        self.steps.assign_add(1)
        return logs

    def losses_of(self, x, *condition, training):
        z_mean, log_variance = self.posterior(x, *condition, training=training)
        noise = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)
        z = z_mean + ops.exp(0.5 * log_variance) * noise
        parameters = self.decoder(_given(z, condition), training=training)
        reconstruction_loss = mean(-self.likelihood.log_prob(x, parameters))

        kl = gaussian_kl(z_mean, log_variance, *self.prior(*condition))
        rows = ops.shape(kl)[0]
        # (latent dimension,): averaged over the batch, summed over the grid.
        kl = ops.sum(kl, axis=tuple(range(kl.ndim - 1)))
        kl = kl / ops.maximum(ops.cast(rows, "float32"), 1.0)
        negative_elbo = reconstruction_loss + ops.sum(kl)
        loss = reconstruction_loss + self.kl_weight(training) * ops.sum(
            self.spare_free_bits(kl, rows)
        )
        return loss, {
            "loss": loss,
            "reconstruction_loss": reconstruction_loss,
            "kl_loss": ops.sum(kl),
            "negative_elbo": negative_elbo,
            "bits_per_dim": self.likelihood.bits_per_dim(
                negative_elbo, math.prod(self.input_shape)
            ),
            "reconstruction": self.likelihood(parameters),
        }

    def spare_free_bits(self, kl, batch_size):
        """`max(kl, free_bits)` by what the joint batch of all replicas has."""
        share = backend.batch_share(batch_size)
        (joint,) = backend.all_sum(ops.stop_gradient(kl) * share)
        return ops.where(joint < self.free_bits, self.free_bits, kl)

    def kl_weight(self, training):
        """`beta`, reached by a line from 0 in the first steps of training."""
        if not training or not self.beta_warmup_steps:
            return self.beta
        share = ops.cast(self.steps, "float32") / self.beta_warmup_steps
        return self.beta * ops.minimum(share, 1.0)

    def generate(self, num_samples, seed=None, batch_size=32):
        """New examples: the mean of p(x | z) for z drawn from the prior.

        Args:
            num_samples: int, number of examples.
            seed: int or None; the same draws on every backend. Defaults to
                None.
            batch_size: int, examples per compiled batch. Defaults to 32.

        Returns:
            NumPy float32 array `(num_samples, *input_shape)`.

        Raises:
            ValueError: If `num_samples` is not at least 1.
        """
        check_sizes(None, num_samples=num_samples)
        return self.decode(self.draw_noise(num_samples, seed), batch_size)

    def draw_noise(self, num_samples, seed):
        """Standard normal noise, a NumPy array, the same for every backend."""
        shape = (num_samples, *self.latent_shape)
        return np.random.default_rng(seed).standard_normal(shape, "float32")

    def evaluate_log_likelihood(
        self, x, num_importance_samples=500, seed=0, condition=()
    ):
        """A lower bound of log p(x), tighter the more samples it takes.

        `log(mean(p(x, z_i) / q(z_i | x)))` over samples z_i of the posterior;
        one sample gives the bound that training maximizes.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            num_importance_samples: int >= 1, samples for each input. Defaults
                to 500.
            seed: int, of the samples. Defaults to 0.
            condition: tuple of arrays `(n, ...)`, what a conditional model
                knows besides. Defaults to none.

        Returns:
            NumPy float64 array `(n,)`, in nats.

        Raises:
            ValueError: If the shape or the values of `x` do not fit, or there
                is not at least one sample.
        """
        check_sizes(None, num_importance_samples=num_importance_samples)
        x = self.to_array(x)
        self.check_inputs(x[:32])
        rng = np.random.default_rng(seed)
        chunk = min(num_importance_samples, _SAMPLES_AT_ONCE)
        batch_size = max(min(_SAMPLES_AT_ONCE // chunk, len(x)), 1)
        step = self.compiled_step(self._log_weights)

        def log_weights(*batch):
            noise = rng.standard_normal(
                (batch_size, chunk, *self.latent_shape), dtype="float32"
            )
            return step(ops.convert_to_tensor(noise), *batch)

        bounds = [
            in_batches(log_weights, [x, *condition], batch_size)
            for _ in range(-(-num_importance_samples // chunk))
        ]
        weights = np.concatenate(bounds, axis=1).astype("float64")
        weights = weights[:, :num_importance_samples]
        total = np.logaddexp.reduce(weights, axis=1)
        return total - math.log(num_importance_samples)

    def _log_weights(self, noise, x, *condition):
        """log p(x, z) - log q(z | x), `(batch, samples)`."""

        def repeated(t):
            return ops.repeat(t, ops.shape(noise)[1], axis=0)

        def each(t):  # one for all samples of an input
            return t[:, None] if ops.ndim(t) else t

        x = self.to_unit_range(x)
        z_mean, log_variance = map(each, self.posterior(x, *condition))
        z = z_mean + ops.exp(0.5 * log_variance) * noise
        flat = ops.reshape(z, (-1, *self.latent_shape))
        parameters = self.decoder(
            _given(flat, [repeated(c) for c in condition])
        )
        log_p_x = self.likelihood.log_prob(repeated(x), parameters)
        ratio = gaussian_log_prob(
            z, *map(each, self.prior(*condition))
        ) - gaussian_log_prob(z, z_mean, log_variance)
        ratio = ops.sum(ratio, axis=tuple(range(2, ratio.ndim)))
        return ops.reshape(log_p_x, ops.shape(ratio)) + ratio

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "beta_warmup_steps": self.beta_warmup_steps,
            "free_bits": self.free_bits,
            "seed": self.seed,
        }


def _given(x, condition):
    """The inputs of a network: `x` alone, or with what it is conditioned on."""
    return [x, *condition] if condition else x
