from keras_vq.checks import check_type
from keras_vq.layers import GaussianBottleneck
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.wiring import known_input_shape
from keras_vq.saving.config import serializable


@serializable
class KLAutoencoder(FirstStage):
    """The KL-regularized autoencoder of latent diffusion.

    A VQGAN with a Gaussian bottleneck instead of a codebook. A small KL weight
    keeps the latents near a standard normal:

    ```
    nll  = mean |x - decoder(z)| + weight * perceptual loss
    loss = nll + kl_weight * KL(q(z | x) || N(0, 1)) / number of input values
    ```

    plus the adversary's loss in training; see `keras_vq.losses.Adversary`.
    Outside of training the latents are the posterior means; nothing is sampled.

    Args:
        encoder: `keras.Model` or layer, from inputs in [-1, 1] to vectors
            `(batch, *grid, 2 * latent_dim)`.
        bottleneck: A `keras_vq.layers.GaussianBottleneck`, whose `kl_weight`
            is per example: divide the weight above by the number of values.
        decoder: `keras.Model` or layer, from `(batch, *grid, latent_dim)` to
            the parameters of the likelihood, by default the input in [-1, 1].
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mae"`, the absolute error.
        perceptual_loss: A `keras_vq.losses.PerceptualLoss` or None. For images
            only. Defaults to None.
        adversary: A `keras_vq.losses.Adversary` or None. A model with an
            adversary is compiled with two optimizers, `"generator"` and
            `"discriminator"`. Defaults to None.
        input_shape: tuple of int, shape of one input; needed if the encoder is
            a layer that does not know it. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If the shapes of the parts do not match.

    Example:

    >>> shape, sizes = (16, 16, 3), (1, 2)
    >>> encoder = keras_vq.networks.vqgan_encoder(shape, 2 * 4, 8, sizes)
    >>> decoder = keras_vq.networks.vqgan_decoder((8, 8, 4), 3, 8, sizes)
    >>> bottleneck = keras_vq.layers.GaussianBottleneck(4, 1e-6 / (16 * 16 * 3))
    >>> model = keras_vq.models.KLAutoencoder(encoder, bottleneck, decoder)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.adapt_latent_scale(images)
    >>> latents = model.encode_latents(images)
    >>> latents.shape, round(float(latents.std()), 3)
    ((8, 8, 8, 4), 1.0)
    >>> model.decode_latents(latents).shape
    (8, 16, 16, 3)

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, section 3.1 and appendix G.
    """

    has_continuous_latents = True

    def __init__(
        self,
        encoder,
        bottleneck,
        decoder,
        likelihood="mae",
        perceptual_loss=None,
        adversary=None,
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
        self.set_objective(perceptual_loss, adversary)
        self.add_latent_scale()

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.bottleneck(z, training=training)
        parameters = self.decoder(outputs["latents"], training=training)
        return self.objective(x, parameters, outputs)
