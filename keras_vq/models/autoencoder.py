import keras

from keras_vq.models.first_stage import FirstStage
from keras_vq.networks import check_sizes
from keras_vq.networks import encoder_decoder


@keras.saving.register_keras_serializable(package="keras_vq")
class Autoencoder(FirstStage):
    """The autoencoder: a deterministic latent, trained to reconstruct.

    ```
    loss = -log p(x | decoder(encoder(x)))     in nats per value
    ```

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
        network: `"residual_cnn"`, convolutions and one latent vector;
            `"spatial_residual_cnn"`, convolutions and a grid of latent
            vectors; or `"mlp"`, fully connected layers and one latent vector.
            Defaults to `"residual_cnn"`.
        hidden_dim: int, channels of the convolutions, width of the layers.
            Defaults to 128.
        num_residual_layers: int, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two, ratio of the input's size to that
            of the convolutions' output. Defaults to 4.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`: the loss is the squared error.
        data_variance: float > 0 or None, what `"mse"` divides by; None for 1.
            Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If an argument is out of range, or `downsampling` does not
            divide the size of the input.

    Example:

    >>> model = keras_vq.models.Autoencoder((28, 28, 1), network="mlp")
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 28, 28, 1))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 32)

    References:
        Hinton and Salakhutdinov, Reducing the Dimensionality of Data with
        Neural Networks, 2006.
    """

    def __init__(
        self,
        input_shape,
        latent_dim=32,
        network="residual_cnn",
        hidden_dim=128,
        num_residual_layers=2,
        residual_hidden_dim=32,
        downsampling=4,
        likelihood="mse",
        data_variance=None,
        **kwargs,
    ):
        super().__init__(input_shape, likelihood, data_variance, **kwargs)
        self.latent_dim = latent_dim
        self.network = network
        self.hidden_dim = hidden_dim
        self.num_residual_layers = num_residual_layers
        self.residual_hidden_dim = residual_hidden_dim
        self.downsampling = downsampling
        self.encoder, self.decoder = self.make_networks(latent_dim)
        self.latent_shape = (*self.encoder.output_shape[1:-1], latent_dim)
        self.add_logs("reconstruction_loss")
        self.built = True

    def make_networks(self, encoder_dim, input_dim=None, decoder_dim=None):
        """The encoder, with outputs of length `encoder_dim`, and the decoder.

        Args:
            encoder_dim: int, length of the encoder's output vectors.
            input_dim: int, channels of the encoder's inputs; None for those of
                the model. Defaults to None.
            decoder_dim: int, length of the decoder's input vectors; None for
                `latent_dim`. Defaults to None.
        """
        sizes = {
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
        }
        check_sizes(
            self.input_shape,
            None if self.network == "mlp" else self.downsampling,
            latent_dim=self.latent_dim,
            **sizes,
        )
        encoder, decoder = encoder_decoder(
            self.network,
            (*self.input_shape[:-1], input_dim or self.input_shape[-1]),
            decoder_dim or self.latent_dim,
            encoder_dim,
            self.likelihood.num_parameters(self.input_shape[-1]),
            downsampling=self.downsampling,
            dtype=self.dtype_policy,
            **sizes,
        )
        self.likelihood.build(decoder.output_shape)
        return encoder, decoder

    def encode_step(self, x):
        return self.encoder(self.to_network_range(self.to_unit_range(x)))

    def decode_step(self, latents):
        return self.to_output(self.likelihood(self.decoder(latents)))

    def losses_of(self, x, training):
        z = self.encoder(self.to_network_range(x), training=training)
        parameters = self.decoder(z, training=training)
        loss = self.likelihood.loss(x, parameters)
        return loss, {
            "loss": loss,
            "reconstruction_loss": loss,
            "reconstruction": self.likelihood(parameters),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "network": self.network,
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
            "downsampling": self.downsampling,
        }
