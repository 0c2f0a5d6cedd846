import keras

from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import code_metrics
from keras_vq.networks import check_sizes
from keras_vq.networks import residual_cnn_decoder
from keras_vq.networks import residual_cnn_encoder


@keras.saving.register_keras_serializable(package="keras_vq")
class VQVAE(Tokenizer):
    """The vector-quantized variational autoencoder.

    An encoder turns the input into a grid of vectors, a quantizer replaces
    each by a code of a learned codebook, a decoder turns the grid of codes
    into the input again:

    ```
    reconstruction_loss = mean((x - decoder(quantized)) ** 2) / data_variance
    loss                = reconstruction_loss + the quantizer's loss
    ```

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        quantizer: A quantizer of `keras_vq.layers`; its `embedding_dim` is
            the length of the encoder's vectors.
        hidden_dim: int, channels of the convolutions. Defaults to 128.
        num_residual_layers: int, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two, ratio of the input's size to the
            code grid's along each spatial axis. Defaults to 4.
        upsampling: `"transposed"` or `"subpixel"`, the decoder's upsampling
            convolution. Defaults to `"transposed"`, as in the paper.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name; the
            reconstruction loss is `-log p` in nats per value, or the squared
            error for `"mse"`. Defaults to `"mse"`.
        data_variance: float > 0 or None, the variance of the training data
            in `value_range`, which `"mse"` divides by; None for 1. Defaults
            to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If an argument is out of range, or `downsampling` does not
            divide the size of the input.

    Example:

    >>> quantizer = keras_vq.layers.VectorQuantizerEMA(512, 64)
    >>> model = keras_vq.models.VQVAE((32, 32, 3), quantizer)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 8, 8)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        sections 3 and 4.1.
    """

    def __init__(
        self,
        input_shape,
        quantizer,
        hidden_dim=128,
        num_residual_layers=2,
        residual_hidden_dim=32,
        downsampling=4,
        upsampling="transposed",
        likelihood="mse",
        data_variance=None,
        **kwargs,
    ):
        super().__init__(input_shape, likelihood, data_variance, **kwargs)
        check_sizes(
            self.input_shape,
            downsampling,
            hidden_dim=hidden_dim,
            num_residual_layers=num_residual_layers,
            residual_hidden_dim=residual_hidden_dim,
        )
        self.hidden_dim = hidden_dim
        self.num_residual_layers = num_residual_layers
        self.residual_hidden_dim = residual_hidden_dim
        self.downsampling = downsampling
        self.upsampling = upsampling

        # === Networks ===
        sizes = {
            "hidden_dim": hidden_dim,
            "num_residual_layers": num_residual_layers,
            "residual_hidden_dim": residual_hidden_dim,
            "downsampling": downsampling,
            "dtype": self.dtype_policy,
        }
        self.encoder = residual_cnn_encoder(
            self.input_shape, quantizer.embedding_dim, **sizes
        )
        self.add_quantizer(quantizer, self.encoder.output_shape[1:-1])
        self.decoder = residual_cnn_decoder(
            self.encoder.output_shape[1:],
            self.likelihood.num_parameters(self.input_shape[-1]),
            upsampling=upsampling,
            **sizes,
        )
        self.likelihood.build(self.decoder.output_shape)

        # === Metrics ===
        self.add_logs(
            "reconstruction_loss",
            *quantizer.loss_names,
            *(("bits_per_dim",) if self.has_true_likelihood else ()),
        )
        self.code_metrics = code_metrics(quantizer)
        self.built = True

    def vectors_step(self, x):
        return (self.encoder(self.to_network_range(self.to_unit_range(x))),)

    def decode_step(self, indices):
        parameters = self.decoder(self.quantizer.decode_indices(indices))
        return self.to_output(self.likelihood(parameters))

    def losses_of(self, x, training):
        """The loss of a batch in `value_range`, and all that led to it."""
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.quantizer(z, training=training)
        parameters = self.decoder(outputs["quantized"], training=training)
        outputs["reconstruction"] = self.likelihood(parameters)
        outputs["reconstruction_loss"] = self.likelihood.loss(x, parameters)
        if self.has_true_likelihood:
            outputs["bits_per_dim"] = self.bits_per_dim(x, parameters)
        outputs["loss"] = outputs["reconstruction_loss"] + outputs["loss"]
        return outputs["loss"], outputs

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
            "downsampling": self.downsampling,
            "upsampling": self.upsampling,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        quantizer = keras.saving.deserialize_keras_object(
            config["quantizer"], custom_objects
        )
        return cls(**{**config, "quantizer": quantizer})
