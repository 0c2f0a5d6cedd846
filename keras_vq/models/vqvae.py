from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.wiring import known_input_shape
from keras_vq.saving.config import serializable


@serializable
class VQVAE(Tokenizer):
    """The vector-quantized variational autoencoder.

    An encoder turns the input into a grid of vectors, a quantizer replaces each
    by a code of a learned codebook, and a decoder reconstructs the input from
    the grid of codes:

    ```
    reconstruction_loss = -log p(x | decoder(quantized))      per value
    loss                = reconstruction_loss + the quantizer's loss
    ```

    For the likelihood `"mse"` the reconstruction loss is the mean squared
    error.

    Args:
        encoder: `keras.Model` or layer, from inputs in [-1, 1] to vectors
            `(batch, *grid, embedding_dim)`.
        quantizer: A quantizer of `keras_vq.layers`.
        decoder: `keras.Model` or layer, from those vectors to the parameters
            of the likelihood; for `"mse"` that is the input's shape, in
            [-1, 1].
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. The logs
            include `bits_per_dim` unless it is `"mse"` or `"mae"`. Defaults to
            `"mse"`.
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`;
            needed if the encoder is a layer that does not know it. Defaults to
            None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If the shapes of the parts do not match.

    Example:

    >>> encoder = keras.Sequential([
    ...     keras.Input((32, 32, 3)),
    ...     keras.layers.Conv2D(64, 4, strides=4)])
    >>> decoder = keras.Sequential([
    ...     keras.Input((8, 8, 64)),
    ...     keras.layers.Conv2DTranspose(3, 4, strides=4)])
    >>> quantizer = keras_vq.layers.VectorQuantizerEMA(512, 64)
    >>> model = keras_vq.models.VQVAE(encoder, quantizer, decoder)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 8, 8)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        sections 3 and 4.1.
    """

    has_continuous_latents = True

    def __init__(
        self,
        encoder,
        quantizer,
        decoder,
        likelihood="mse",
        input_shape=None,
        **kwargs,
    ):
        shape = known_input_shape(encoder, input_shape)
        super().__init__(shape, likelihood, **kwargs)
        self.connect(encoder, quantizer, decoder)
        self.track("loss", "reconstruction_loss", *quantizer.loss_names)
        if self.likelihood.is_normalized:
            self.track("bits_per_dim")
        self.track_codes(quantizer)
        self.add_latent_scale()

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.quantizer(z, training=training)
        parameters = self.decoder(outputs["quantized"], training=training)

        outputs["inputs"] = x
        outputs["reconstruction"] = self.likelihood(parameters)
        outputs["reconstruction_loss"] = self.likelihood.loss(x, parameters)
        outputs["loss"] = outputs["reconstruction_loss"] + outputs["loss"]
        if self.likelihood.is_normalized:
            outputs["bits_per_dim"] = self.bits_per_dim(x, parameters)
        return outputs
