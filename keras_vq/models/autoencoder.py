from keras_vq.layers import IdentityBottleneck
from keras_vq.layers import Quantizer
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.wiring import known_input_shape
from keras_vq.saving.config import serializable


@serializable
class Autoencoder(FirstStage):
    """The autoencoder: deterministic latents, trained to reconstruct.

    ```
    loss = -log p(x | decoder(encoder(x)))     per value
    ```

    Args:
        encoder: `keras.Model` or layer, from inputs in [-1, 1] to latents.
        decoder: `keras.Model` or layer, from latents to the parameters of the
            likelihood; for `"mse"` that is the input's shape, in [-1, 1].
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`: the loss is the squared error.
        bottleneck: A bottleneck of `keras_vq.layers` that is not a quantizer;
            None for an `IdentityBottleneck`. Defaults to None.
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

    >>> encoder = keras_vq.networks.mlp_encoder((28, 28, 1), 32)
    >>> decoder = keras_vq.networks.mlp_decoder(32, (28, 28, 1))
    >>> model = keras_vq.models.Autoencoder(encoder, decoder)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 28, 28, 1))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 32)

    References:
        Hinton and Salakhutdinov, Reducing the Dimensionality of Data with
        Neural Networks, 2006.
    """

    has_continuous_latents = True

    def __init__(
        self,
        encoder,
        decoder,
        likelihood="mse",
        bottleneck=None,
        input_shape=None,
        **kwargs,
    ):
        if isinstance(bottleneck, Quantizer):
            raise ValueError(
                "The latents of an Autoencoder are continuous; for a quantizer "
                f"use VQVAE. Received: bottleneck={bottleneck!r} of "
                f"type {type(bottleneck).__name__}"
            )
        shape = known_input_shape(encoder, input_shape)
        super().__init__(shape, likelihood, **kwargs)
        self.connect(encoder, bottleneck or IdentityBottleneck(), decoder)
        self.set_objective()

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.bottleneck(z, training=training)
        parameters = self.decoder(outputs["latents"], training=training)
        return self.objective(x, parameters, outputs)
