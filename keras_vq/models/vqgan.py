from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.wiring import known_input_shape
from keras_vq.saving.config import serializable


@serializable
class VQGAN(Tokenizer):
    """The VQGAN: a VQ-VAE trained with a perceptual loss and a discriminator.

    ```
    nll  = mean |x - decoder(quantized)| + weight * perceptual loss
    loss = nll + the quantizer's loss
    ```

    plus the adversary's loss in training; see `keras_vq.losses.Adversary`. With
    little downsampling and short codes this is the VQ-regularized autoencoder
    of latent diffusion: `encode_latents` returns the vectors before
    quantization, and `decode_latents` quantizes them.

    Args:
        encoder: `keras.Model` or layer, from inputs in [-1, 1] to vectors
            `(batch, *grid, embedding_dim)`.
        quantizer: A quantizer of `keras_vq.layers`.
        decoder: `keras.Model` or layer, from those vectors to the parameters
            of the likelihood, by default the input in [-1, 1].
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mae"`, the paper's absolute error.
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
    >>> encoder = keras_vq.networks.vqgan_encoder(shape, 8, 8, sizes)
    >>> decoder = keras_vq.networks.vqgan_decoder((8, 8, 8), 3, 8, sizes)
    >>> discriminator = keras_vq.networks.patch_discriminator(shape, 8, 2)
    >>> model = keras_vq.models.VQGAN(
    ...     encoder, keras_vq.layers.VectorQuantizerEMA(64, 8), decoder,
    ...     adversary=keras_vq.losses.Adversary(discriminator))
    >>> model.compile({"generator": "adam", "discriminator": "adam"})
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape, model.encode_latents(images).shape
    ((8, 8, 8), (8, 8, 8, 8))

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.1.
    """

    has_continuous_latents = True

    def __init__(
        self,
        encoder,
        quantizer,
        decoder,
        likelihood="mae",
        perceptual_loss=None,
        adversary=None,
        input_shape=None,
        **kwargs,
    ):
        shape = known_input_shape(encoder, input_shape)
        super().__init__(shape, likelihood, **kwargs)
        self.connect(encoder, quantizer, decoder)
        self.set_objective(perceptual_loss, adversary)
        self.add_latent_scale()
        self.track_codes(quantizer)

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.quantizer(z, training=training)
        parameters = self.decoder(outputs["quantized"], training=training)
        return self.objective(x, parameters, outputs)
