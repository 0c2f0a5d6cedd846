import keras
from keras import ops

from keras_vq.metrics import CodebookPerplexity
from keras_vq.metrics import CodebookUsage
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.networks import residual_cnn_decoder
from keras_vq.networks import residual_cnn_encoder
from keras_vq.ops import mean


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
        data_variance: float > 0 or None, the variance of the training data
            in `value_range`; None for 1. Defaults to None.
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
        data_variance=None,
        **kwargs,
    ):
        super().__init__(input_shape, **kwargs)
        self._check_arguments(
            hidden_dim=hidden_dim,
            num_residual_layers=num_residual_layers,
            residual_hidden_dim=residual_hidden_dim,
            downsampling=downsampling,
            data_variance=data_variance,
        )
        self.hidden_dim = hidden_dim
        self.num_residual_layers = num_residual_layers
        self.residual_hidden_dim = residual_hidden_dim
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.data_variance = data_variance

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
        self.quantizer = quantizer
        self.quantizer.build(self.encoder.output_shape)
        self.decoder = residual_cnn_decoder(
            self.encoder.output_shape[1:],
            self.input_shape[-1],
            upsampling=upsampling,
            **sizes,
        )
        self.code_shape = self.encoder.output_shape[1:-1]
        self.num_embeddings = quantizer.num_embeddings

        # === Metrics ===
        self.loss_metrics = [
            keras.metrics.Mean(name=name)
            for name in ("reconstruction_loss", *quantizer.loss_names)
        ]
        self.code_metrics = [
            CodebookPerplexity(self.num_embeddings),
            CodebookUsage(self.num_embeddings),
        ]
        self.built = True

    def encode_step(self, x):
        z = self.encoder(self.to_network_range(self.to_unit_range(x)))
        return self.quantizer.encode_to_indices(z)

    def decode_step(self, indices):
        outputs = self.decoder(self.quantizer.decode_indices(indices))
        return ops.clip(self.from_network_range(outputs), *self.value_range)

    def training_step(self, data):
        x = self._inputs_of(data)
        outputs = self.minimize(
            lambda: self.losses_of(x, training=True), ops.shape(x)[0]
        )
        return self._logs(x, outputs)

    def evaluation_step(self, data):
        x = self._inputs_of(data)
        _, outputs = self.losses_of(x, training=False)
        return self._logs(x, outputs)

    def losses_of(self, x, training):
        """The loss of a batch in `value_range`, and all that led to it."""
        z = self.encoder(self.to_network_range(x), training=training)
        outputs = self.quantizer(z, training=training)
        reconstruction = self.decoder(outputs["quantized"], training=training)
        reconstruction = self.from_network_range(reconstruction)
        outputs["reconstruction"] = reconstruction
        outputs["reconstruction_loss"] = mean(
            ops.square(x - reconstruction)
        ) / (self.data_variance or 1.0)
        outputs["loss"] = outputs["reconstruction_loss"] + outputs["loss"]
        return outputs["loss"], outputs

    def _logs(self, x, outputs):
        batch_size = ops.shape(x)[0]
        for metric in self.metrics:
            if metric in self.code_metrics:
                metric.update_state(outputs["indices"])
            elif metric.name in outputs:
                metric.update_state(
                    outputs[metric.name], sample_weight=batch_size
                )
        return self.compute_metrics(x, None, outputs["reconstruction"])

    def _check_arguments(self, data_variance, downsampling, **sizes):
        for name, value in sizes.items():
            minimum = 0 if name == "num_residual_layers" else 1
            if not isinstance(value, int) or value < minimum:
                raise ValueError(
                    f"`{name}` must be an integer >= {minimum}. Received: "
                    f"{name}={value!r}"
                )
        if sizes["hidden_dim"] < 2:
            raise ValueError(
                "`hidden_dim` must be an integer >= 2. Received: "
                f"hidden_dim={sizes['hidden_dim']}"
            )
        if (
            not isinstance(downsampling, int)
            or downsampling < 2
            or downsampling & (downsampling - 1)
        ):
            raise ValueError(
                "`downsampling` must be a power of two, at least 2. Received: "
                f"downsampling={downsampling!r}"
            )
        if any(n % downsampling for n in self.input_shape[:-1]):
            raise ValueError(
                f"`downsampling` must divide each size of the input. Received: "
                f"downsampling={downsampling} and input_shape="
                f"{self.input_shape}"
            )
        if data_variance is not None and not data_variance > 0:
            raise ValueError(
                "`data_variance` must be positive, or None. Received: "
                f"data_variance={data_variance}"
            )

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
            "downsampling": self.downsampling,
            "upsampling": self.upsampling,
            "data_variance": self.data_variance,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        quantizer = keras.saving.deserialize_keras_object(
            config["quantizer"], custom_objects
        )
        return cls(**{**config, "quantizer": quantizer})
