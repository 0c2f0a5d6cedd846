import math

import keras
from keras import ops

from keras_vq.checks import check_choice
from keras_vq.checks import check_int
from keras_vq.models.vae import VAE
from keras_vq.saving.config import serializable


@serializable
class CVAE(VAE):
    """The conditional VAE: encoder, decoder and prior depend on the class c.

    ```
    mean, log_variance = encoder([x, c])
    z    = mean + exp(log_variance / 2) * noise
    loss = -log p(x | decoder([z, c])) + kl_weight * KL(q(z | x, c) || p(z | c))
    ```

    Args:
        encoder: `keras.Model` or layer, from `[x, labels]`, inputs in [-1, 1]
            and int labels `(batch,)`, to vectors `(batch, *grid,
            2 * latent_dim)`; see `keras_vq.networks.conditional_encoder`.
        bottleneck: See `VAE`.
        decoder: `keras.Model` or layer, from `[z, labels]` to the parameters of
            the likelihood; see `keras_vq.networks.conditional_decoder`.
        num_classes: int >= 1, number of classes. Defaults to 10.
        prior: `"learned"`, a Gaussian with a mean and a variance of its own
            for each class, or `"standard"`, the same standard normal for all.
            Defaults to `"learned"`.
        likelihood: See `VAE`. Defaults to `"bernoulli"`.
        input_shape: See `VAE`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: pair `(x, labels)`, float or uint8 tensor
            `(batch, *input_shape)` and int tensor `(batch,)`.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the mean of p(x | z, c) at the
        posterior mean; nothing is sampled.

    Raises:
        ValueError: If an argument is out of range, the shapes of the parts do
            not match, or labels are missing or do not fit.

    Example:

    >>> model = keras_vq.zoo.cvae((28, 28, 1), latent_dim=8, network="mlp")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> labels = np.arange(16) % 10
    >>> history = model.fit(images, labels, verbose=0)
    >>> model.generate(3, labels=[3, 3, 7], seed=0).shape
    (3, 28, 28, 1)

    References:
        Sohn et al., Learning Structured Output Representation using Deep
        Conditional Generative Models, 2015, section 4.1.
    """

    def __init__(
        self,
        encoder,
        bottleneck,
        decoder,
        num_classes=10,
        prior="learned",
        likelihood="bernoulli",
        input_shape=None,
        **kwargs,
    ):
        # Before the parts are connected, which then take labels.
        self.num_classes = check_int("num_classes", num_classes)
        check_choice("prior", prior, ("learned", "standard"))
        super().__init__(
            encoder, bottleneck, decoder, likelihood, input_shape, **kwargs
        )
        self.prior = prior
        if prior == "learned":
            # Zeros: every class starts from a standard normal.
            self.prior_embedding = keras.layers.Embedding(
                self.num_classes,
                2 * math.prod(self.latent_shape),
                embeddings_initializer="zeros",
                dtype="float32",
            )
            self.prior_embedding.build()

    def prior_moments(self, labels=None):
        """Mean and log-variance of p(z | c).

        Args:
            labels: int tensor `(batch,)`.

        Returns:
            Two float32 tensors `(batch, *latent_shape)`, or `0.0, 0.0`.
        """
        if self.prior == "standard":
            return 0.0, 0.0
        *grid, dim = self.latent_shape
        moments = ops.reshape(
            self.prior_embedding(labels), (-1, *grid, 2 * dim)
        )
        mean, log_variance = ops.split(moments, 2, axis=-1)
        return mean, ops.clip(log_variance, -30.0, 20.0)
