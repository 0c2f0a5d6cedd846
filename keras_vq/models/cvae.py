import math

import keras
import numpy as np
from keras import layers
from keras import ops

from keras_vq.models.vae import VAE
from keras_vq.networks import check_sizes
from keras_vq.networks import conditional_decoder
from keras_vq.networks import conditional_encoder
from keras_vq.training.check_labels import check_labels
from keras_vq.training.in_batches import in_batches

_PRIORS = ("learned", "standard")


@keras.saving.register_keras_serializable(package="keras_vq")
class CVAE(VAE):
    """The conditional VAE: encoder, decoder and prior know the class c.

    ```
    mean, log_variance = encoder(x, c)
    z    = mean + exp(log_variance / 2) * noise
    loss = -log p(x | decoder(z, c)) + beta * KL(q(z | x, c) || p(z | c))
    ```

    The encoder sees the class as one more channel, a learned picture; the
    decoder sees a learned vector beside each vector of z.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        num_classes: int >= 1, number of classes. Defaults to 10.
        prior: `"learned"`, a Gaussian with a mean and a variance of its own
            for each class, or `"standard"`, the same standard normal for all.
            Defaults to `"learned"`.
        **kwargs: See `VAE`.

    Call arguments:
        inputs: pair `(x, labels)`, float or uint8 tensor
            `(batch, *input_shape)` and int tensor `(batch,)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the mean of p(x | z, c) at the
        mean of the posterior: nothing is drawn.

    Raises:
        ValueError: If an argument is out of range, or labels are missing, out
            of range or of a wrong shape.

    Example:

    >>> model = keras_vq.models.CVAE((28, 28, 1), latent_dim=8, network="mlp")
    >>> model.compile("adam")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> labels = np.arange(16) % 10
    >>> history = model.fit(images, labels, verbose=0)
    >>> model.generate(labels=[3, 3, 7], seed=0).shape
    (3, 28, 28, 1)

    References:
        Sohn et al., Learning Structured Output Representation using Deep
        Conditional Generative Models, 2015, section 4.1.
    """

    def __init__(self, input_shape, num_classes=10, prior="learned", **kwargs):
        check_sizes(None, num_classes=num_classes)
        if prior not in _PRIORS:
            raise ValueError(
                f"`prior` must be one of {', '.join(_PRIORS)}. Received: "
                f"prior={prior!r}"
            )
        self.num_classes = num_classes
        super().__init__(input_shape, **kwargs)
        self.prior_kind = prior
        self.prior_parameters = None
        if prior == "learned":
            # Zeros: every class starts from a standard normal.
            self.prior_parameters = layers.Embedding(
                num_classes,
                2 * math.prod(self.latent_shape),
                embeddings_initializer="zeros",
                dtype="float32",
            )
            self.prior_parameters.build()

    def make_networks(self, encoder_dim):
        encoder, decoder = super().make_networks(
            encoder_dim,
            input_dim=self.input_shape[-1] + 1,
            decoder_dim=2 * self.latent_dim,
        )
        return (
            conditional_encoder(encoder, self.num_classes),
            conditional_decoder(decoder, self.num_classes, self.latent_dim),
        )

    def prior(self, labels):
        """Mean and log-variance of p(z | c).

        Args:
            labels: int tensor `(batch,)`.

        Returns:
            Two float32 tensors `(batch, *latent_shape)`, or `0.0, 0.0`.
        """
        if self.prior_parameters is None:
            return 0.0, 0.0
        *grid, dim = self.latent_shape
        parameters = ops.reshape(
            self.prior_parameters(labels), (-1, *grid, 2 * dim)
        )
        mean, log_variance = ops.split(parameters, 2, axis=-1)
        return mean, ops.clip(log_variance, -30.0, 20.0)

    def encode_step(self, x, labels):
        return self.posterior(self.to_unit_range(x), labels)[0]

    def decode_step(self, latents, labels):
        parameters = self.decoder([latents, labels])
        return self.to_output(self.likelihood(parameters))

    def generate_step(self, noise, labels):
        """Examples of one batch of noise and labels, tensors in and out."""
        mean, log_variance = self.prior(labels)
        z = mean + ops.exp(ops.multiply(log_variance, 0.5)) * noise
        return self.decode_step(z, labels)

    def call(self, inputs, training=False):
        if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
            check_labels(self, None)
        x, labels = inputs
        return self.decode_step(self.encode_step(x, labels), labels)

    def encode(self, x, labels, batch_size=32):
        """Latents of any number of inputs, computed in compiled batches.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            labels: int array `(n,)`.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *latent_shape)`.

        Raises:
            ValueError: If the shape or the values of `x` or `labels` do not
                fit.
        """
        x, labels = self.to_array(x), self.to_array(labels)
        self.check_inputs(x[:batch_size])
        check_labels(self, labels, len(x))
        step = self.compiled_step(self.encode_step)
        return in_batches(step, [x, labels.astype("int32")], batch_size)

    def decode(self, latents, labels, batch_size=32):
        """Outputs for any number of latents, computed in compiled batches.

        Args:
            latents: array `(n, *latent_shape)`.
            labels: int array `(n,)`.
            batch_size: int, latents per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape or the values of `latents` or `labels` do
                not fit.
        """
        latents, labels = self.to_array(latents), self.to_array(labels)
        self.check_latents(latents)
        check_labels(self, labels, len(latents))
        step = self.compiled_step(self.decode_step)
        arrays = [latents.astype("float32"), labels.astype("int32")]
        return in_batches(step, arrays, batch_size)

    def generate(self, num_samples=None, labels=None, seed=None, batch_size=32):
        """New examples of given classes: the mean of p(x | z, c), z ~ p(z | c).

        Args:
            num_samples: int or None, number of examples; None for as many as
                there are labels. Defaults to None.
            labels: int array `(num_samples,)`, the class of each example, or
                int, that of all.
            seed: int or None; the same draws on every backend. Defaults to
                None.
            batch_size: int, examples per compiled batch. Defaults to 32.

        Returns:
            NumPy float32 array `(num_samples, *input_shape)`.

        Raises:
            ValueError: If labels are missing, out of range or of a wrong
                shape.
        """
        if num_samples is not None:
            check_sizes(None, num_samples=num_samples)
            if np.ndim(labels) == 0 and labels is not None:
                labels = np.full(num_samples, labels)
        labels = None if labels is None else self.to_array(labels)
        check_labels(self, labels, num_samples)
        arrays = [self.draw_noise(len(labels), seed), labels.astype("int32")]
        step = self.compiled_step(self.generate_step)
        return in_batches(step, arrays, batch_size)

    def predict(self, x, *args, **kwargs):
        """Reconstruct; see `keras.Model.predict`.

        Args:
            x: list `[x, labels]` of arrays, or a data set that yields
                `((x, labels),)`.
            *args: See `keras.Model.predict`.
            **kwargs: See `keras.Model.predict`.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.
        """
        if isinstance(x, (tuple, list)) and len(x) == 2:
            images, labels = map(self.to_array, x)
            self.check_inputs(images[:32])
            check_labels(self, labels, len(images))
            x = [images, labels]
        elif hasattr(x, "shape"):
            check_labels(self, None)
        return keras.Model.predict(self, x, *args, **kwargs)

    def evaluate_log_likelihood(
        self, x, labels, num_importance_samples=500, seed=0
    ):
        """A lower bound of log p(x | c); see `VAE.evaluate_log_likelihood`.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            labels: int array `(n,)`.
            num_importance_samples: int >= 1, samples for each input. Defaults
                to 500.
            seed: int, of the samples. Defaults to 0.

        Returns:
            NumPy float64 array `(n,)`, in nats.

        Raises:
            ValueError: If the shape or the values of `x` or `labels` do not
                fit.
        """
        labels = self.to_array(labels)
        check_labels(self, labels, len(x))
        return super().evaluate_log_likelihood(
            x, num_importance_samples, seed, (labels.astype("int32"),)
        )

    def check_first_batch(self, batch, labels):
        self.check_inputs(batch)
        check_labels(self, labels)

    def inputs_of(self, data):
        (x,) = super().inputs_of(data)
        _, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        if labels is None:
            check_labels(self, None)
        return x, ops.cast(labels, "int32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "prior": self.prior_kind,
        }
