import math

import numpy as np
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_type
from keras_vq.layers import GaussianBottleneck
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.wiring import known_input_shape
from keras_vq.ops.gaussian import gaussian_log_prob
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array

# Decoder runs per compiled step of `evaluate_log_likelihood`.
_SAMPLES_PER_STEP = 4096


@serializable
class VAE(FirstStage):
    """The variational autoencoder, with a Gaussian posterior and prior.

    ```
    mean, log_variance = encoder(x)
    z    = mean + exp(log_variance / 2) * noise
    loss = -log p(x | decoder(z)) + kl_weight * KL(q(z | x) || N(0, 1))
    ```

    in nats, summed over the values of an example and averaged over examples.
    With `kl_weight=1` and no free bits, `loss` is an upper bound on -log p(x).

    Args:
        encoder: `keras.Model` or layer, from inputs in [-1, 1] to vectors
            `(batch, *grid, 2 * latent_dim)`.
        bottleneck: A `keras_vq.layers.GaussianBottleneck`, created with
            `sample_at_inference=True` so that evaluation estimates the bound.
        decoder: `keras.Model` or layer, from `(batch, *grid, latent_dim)` to
            the parameters of the likelihood.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"bernoulli"`.
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`;
            needed if the encoder is a layer that does not know it. Defaults to
            None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the mean of p(x | z) at the
        posterior mean; nothing is sampled.

    Raises:
        ValueError: If the shapes of the parts do not match.

    Example:

    >>> encoder = keras_vq.networks.mlp_encoder((28, 28, 1), 2 * 8)
    >>> decoder = keras_vq.networks.mlp_decoder(8, (28, 28, 1))
    >>> bottleneck = keras_vq.layers.GaussianBottleneck(
    ...     8, sample_at_inference=True)
    >>> model = keras_vq.models.VAE(encoder, bottleneck, decoder)
    >>> model.compile("adam")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> history = model.fit(images, verbose=0)
    >>> model.generate(4, seed=0).shape
    (4, 28, 28, 1)
    >>> model.evaluate_log_likelihood(images, num_importance_samples=10).shape
    (16,)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013.
        Burda et al., Importance Weighted Autoencoders, 2015, section 3.
    """

    has_continuous_latents = True
    can_generate = True

    def __init__(
        self,
        encoder,
        bottleneck,
        decoder,
        likelihood="bernoulli",
        input_shape=None,
        **kwargs,
    ):
        check_type(
            "bottleneck",
            bottleneck,
            GaussianBottleneck,
            "a keras_vq.layers.GaussianBottleneck",
        )
        shape = known_input_shape(encoder, input_shape)
        super().__init__(shape, likelihood, **kwargs)
        self.connect(encoder, bottleneck, decoder)
        self.set_objective()
        self.track("negative_elbo")
        if self.likelihood.is_normalized:
            self.track("bits_per_dim")

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        z = self.encoded(x, labels, training)
        outputs = self.bottleneck(
            z, prior=self.prior_moments(labels), training=training
        )
        parameters = self.decoded(outputs["latents"], labels, training)
        nll = masked_mean(-self.likelihood.log_prob(x, parameters))
        negative_elbo = nll + outputs["kl_loss"]
        num_values = math.prod(self.input_shape)
        return {
            **outputs,
            "inputs": x,
            "reconstruction": self.likelihood(parameters),
            "reconstruction_loss": nll,
            "loss": nll + outputs["loss"],
            "negative_elbo": negative_elbo,
            "bits_per_dim": self.likelihood.bits_per_dim(
                negative_elbo, num_values
            ),
        }

    def posterior(self, x, labels=None):
        """Mean and log-variance of q(z | x).

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.

        Returns:
            Two float32 tensors `(batch, *latent_shape)`.
        """
        return self.bottleneck.moments(self.encoded(x, labels))

    def prior_moments(self, labels=None):
        """Mean and log-variance of p(z), by default a standard normal."""
        return 0.0, 0.0

    def generate_step(self, noise, labels=None):
        """Generate examples from one batch of standard normal noise.

        Args:
            noise: float32 tensor `(batch, *latent_shape)`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        mean, log_variance = self.prior_moments(labels)
        z = mean + ops.exp(ops.multiply(log_variance, 0.5)) * noise
        return self.decode_step(z, labels)

    def generate(self, num_samples, labels=None, seed=None, batch_size=32):
        """Generate examples: the mean of p(x | z) for z sampled from the prior.

        Args:
            num_samples: int >= 1, number of examples.
            labels: int array `(num_samples,)` or int, the classes of a model
                with `num_classes`. Defaults to None.
            seed: int or None; the same seed gives the same noise on every
                backend. Defaults to None.
            batch_size: int, examples per compiled batch. Defaults to 32.

        Returns:
            NumPy float32 array `(num_samples, *input_shape)`.

        Raises:
            ValueError: If an argument is out of range or does not fit.
        """
        check_int("num_samples", num_samples)
        check_memory(
            f"num_samples={num_samples}", num_samples, *self.input_shape
        )
        labels = self.label_array(labels, num_samples)
        shape = (num_samples, *self.latent_shape)
        noise = np.random.default_rng(seed).standard_normal(shape, "float32")
        step = self.jit(self.generate_step)
        return in_batches(step, [noise, labels], batch_size)

    def evaluate_log_likelihood(
        self, x, labels=None, num_importance_samples=500, seed=0
    ):
        """Estimate a lower bound on log p(x), tighter with more samples.

        `log(mean(p(x, z_i) / q(z_i | x)))` over samples z_i of the posterior.
        With one sample this is the bound that training maximizes.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            num_importance_samples: int >= 1, samples per input. Defaults to
                500.
            seed: int, seed of the samples. Defaults to 0.

        Returns:
            NumPy float64 array `(n,)`, in nats.

        Raises:
            ValueError: If an argument is out of range or does not fit.
        """
        check_int("num_importance_samples", num_importance_samples)
        x = to_array(x)
        self.check_inputs(x[:32])
        labels = self.label_array(labels, len(x))
        rng = np.random.default_rng(seed)
        chunk = min(num_importance_samples, _SAMPLES_PER_STEP)
        batch_size = max(min(_SAMPLES_PER_STEP // chunk, len(x)), 1)
        step = self.jit(self._log_weights)

        def log_weights(x, labels):
            noise = rng.standard_normal(
                (batch_size, chunk, *self.latent_shape), dtype="float32"
            )
            return step(ops.convert_to_tensor(noise), x, labels)

        chunks = [
            in_batches(log_weights, [x, labels], batch_size)
            for _ in range(-(-num_importance_samples // chunk))
        ]
        weights = np.concatenate(chunks, axis=1).astype("float64")
        weights = weights[:, :num_importance_samples]
        total = np.logaddexp.reduce(weights, axis=1)
        return total - math.log(num_importance_samples)

    def _log_weights(self, noise, x, labels):
        """log p(x, z) - log q(z | x), `(batch, samples)`."""

        def repeated(t):
            return ops.repeat(t, ops.shape(noise)[1], axis=0)

        def per_input(t):  # the same for all samples of an input
            return t[:, None] if ops.ndim(t) else t

        x = self.to_value_range(x)
        mean, log_variance = map(per_input, self.posterior(x, labels))
        z = mean + ops.exp(0.5 * log_variance) * noise
        flat = ops.reshape(z, (-1, *self.latent_shape))
        parameters = self.decoded(
            flat, None if labels is None else repeated(labels)
        )
        log_p_x = self.likelihood.log_prob(repeated(x), parameters)
        log_p_z = gaussian_log_prob(
            z, *map(per_input, self.prior_moments(labels))
        )
        ratio = log_p_z - gaussian_log_prob(z, mean, log_variance)
        ratio = ops.sum(ratio, axis=tuple(range(2, ratio.ndim)))
        return ops.reshape(log_p_x, ops.shape(ratio)) + ratio
