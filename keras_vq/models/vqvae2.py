import keras
from keras import ops

from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import code_metrics
from keras_vq.models.tokenizer import code_shape
from keras_vq.models.tokenizer import update_code_metrics
from keras_vq.networks import check_sizes
from keras_vq.networks import hierarchical_cnn
from keras_vq.training.check_codes import check_code_maps
from keras_vq.training.in_batches import in_batches


@keras.saving.register_keras_serializable(package="keras_vq")
class VQVAE2(Tokenizer):
    """The VQ-VAE-2: codes on several grids, each half as fine as the next.

    Coarse codes hold the global shape, finer ones what is then missing. With
    levels l from 0 (top) to L - 1 (bottom), and `[...]` along channels:

    ```
    features[l]  = encoder[l](features[l + 1])        features[L] = x
    above[l]     = decoder[l - 1](codes[l - 1])       nothing above the top
    quantized[l] = quantizer[l](projection[l]([features[l], above[l]]))
    codes[l]     = [quantized[l], above[l]]
    loss         = -log p(x | decoder[L - 1](codes[L - 1]))
                   + the sum of the quantizers' losses
    ```

    `encode` gives a tuple of index maps, top first. `decode` takes it, or its
    first maps alone, and then shows what these hold: the mean of a level's
    codebook stands in for the codes left out.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        quantizers: list of at least two quantizers of `keras_vq.layers`, top
            first; each level's `embedding_dim` is the length of its vectors.
        hidden_dim: int, channels of the convolutions. Defaults to 128.
        num_residual_layers: int, residual blocks in each encoder and decoder.
            Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two, ratio of the input's size to that
            of the bottom grid; each level above halves it again. Defaults
            to 4.
        upsampling: `"transposed"` or `"subpixel"`, the decoders' upsampling
            convolution. Defaults to `"transposed"`.
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
        ValueError: If an argument is out of range, or the input cannot be
            halved as often as the levels need.

    Example:

    >>> quantizers = [keras_vq.layers.VectorQuantizerEMA(512, 64) for _ in "ab"]
    >>> model = keras_vq.models.VQVAE2((32, 32, 3), quantizers)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> top, bottom = model.encode(images)
    >>> top.shape, bottom.shape
    ((8, 4, 4), (8, 8, 8))
    >>> model.decode((top,)).shape
    (8, 32, 32, 3)

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019, section 3.1.
    """

    def __init__(
        self,
        input_shape,
        quantizers,
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
        sizes = {
            "hidden_dim": hidden_dim,
            "num_residual_layers": num_residual_layers,
            "residual_hidden_dim": residual_hidden_dim,
        }
        check_sizes(self.input_shape, downsampling, **sizes)
        _check_list(quantizers)
        self.hidden_dim = hidden_dim
        self.num_residual_layers = num_residual_layers
        self.residual_hidden_dim = residual_hidden_dim
        self.downsampling = downsampling
        self.upsampling = upsampling

        # === Networks and quantizers, top first ===
        self.encoders, self.projections, self.decoders = hierarchical_cnn(
            self.input_shape,
            [quantizer.embedding_dim for quantizer in quantizers],
            self.likelihood.num_parameters(self.input_shape[-1]),
            downsampling=downsampling,
            upsampling=upsampling,
            dtype=self.dtype_policy,
            **sizes,
        )
        self.quantizers = list(quantizers)
        self.likelihood.build(self.decoders[-1].output_shape)
        grids = [encoder.output_shape[1:-1] for encoder in self.encoders]
        self.latent_shape = tuple(map(code_shape, quantizers, grids))
        for quantizer, grid in zip(quantizers, grids, strict=True):
            quantizer.build((None, *grid, quantizer.embedding_dim))
        self.num_embeddings = tuple(q.num_embeddings for q in quantizers)

        # === Metrics ===
        self.loss_names = sorted({n for q in quantizers for n in q.loss_names})
        self.add_logs(
            "reconstruction_loss",
            *self.loss_names,
            *(("bits_per_dim",) if self.has_true_likelihood else ()),
        )
        self.level_metrics = [
            code_metrics(quantizer, f"_{level}")
            for level, quantizer in enumerate(quantizers)
        ]
        self.built = True

    @property
    def code_maps(self):
        return list(zip(self.code_shape, self.num_embeddings, strict=True))

    def features_of(self, x, training=False):
        """Features of each level, top first.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            training: bool. Defaults to False.

        Returns:
            list of float32 tensors `(batch, *grid, hidden_dim)`.
        """
        x, features = self.to_network_range(x), []
        for encoder in reversed(self.encoders):
            x = encoder(x, training=training)
            features.append(ops.cast(x, "float32"))
        return features[::-1]

    def above(self, level, codes, training=False):
        """What the codes of the levels above say at this level's grid.

        Returns:
            list of one float32 tensor `(batch, *grid, hidden_dim)`, or of none
            for the top.
        """
        if level == 0:
            return []
        return [self.decoders[level - 1](codes, training=training)]

    def top_down(self, x, training=False):
        """Choose the codes level by level, each in view of those above.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            training: bool. Defaults to False.

        Returns:
            The bottom's `codes`, from which the last decoder reconstructs, and
            a list of the quantizers' outputs and `vectors`, top first.
        """
        codes, outputs = None, []
        for level, features in enumerate(self.features_of(x, training)):
            above = self.above(level, codes, training)
            z = ops.concatenate([features, *above], axis=-1)
            z = self.projections[level](z)
            found = self.quantizers[level](z, training=training)
            outputs.append({**found, "vectors": z})
            quantized = outputs[-1]["quantized"]
            codes = ops.concatenate([quantized, *above], axis=-1)
        return codes, outputs

    def vectors_step(self, x):
        _, outputs = self.top_down(self.to_unit_range(x))
        return tuple(level["vectors"] for level in outputs)

    def encode_step(self, x):
        _, outputs = self.top_down(self.to_unit_range(x))
        return tuple(level["indices"] for level in outputs)

    def decode_step(self, indices):
        codes = None
        for level, quantizer in enumerate(self.quantizers):
            above = self.above(level, codes)
            if level < len(indices):
                quantized = quantizer.decode_indices(indices[level])
            else:
                code = quantizer.mean_code()
                quantized = ops.zeros_like(above[0][..., :1]) + code
            codes = ops.concatenate([quantized, *above], axis=-1)
        return self.to_output(self.likelihood(self.decoders[-1](codes)))

    def losses_of(self, x, training):
        codes, levels = self.top_down(x, training)
        parameters = self.decoders[-1](codes, training=training)
        reconstruction_loss = self.likelihood.loss(x, parameters)
        loss = reconstruction_loss + sum(level["loss"] for level in levels)
        outputs = {
            "loss": loss,
            "reconstruction_loss": reconstruction_loss,
            "reconstruction": self.likelihood(parameters),
            "indices": [level["indices"] for level in levels],
        }
        for name in self.loss_names:
            outputs[name] = sum(level.get(name, 0.0) for level in levels)
        if self.has_true_likelihood:
            outputs["bits_per_dim"] = self.bits_per_dim(x, parameters)
        return loss, outputs

    def update_metrics(self, outputs, batch_size):
        super().update_metrics(outputs, batch_size)
        for metrics, indices in zip(
            self.level_metrics, outputs["indices"], strict=True
        ):
            update_code_metrics(metrics, indices)

    def decode(self, latents, batch_size=32):
        """Outputs for any number of codes, computed in compiled batches.

        Args:
            latents: tuple of int arrays `(n, *shape)`, top first, for each of
                the shapes in `code_shape`, or for the first of them only.
            batch_size: int, examples per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If number, shape or values of the maps do not fit.
        """
        if isinstance(latents, (tuple, list)):
            latents = tuple(self.to_array(indices) for indices in latents)
        self.check_latents(latents)
        latents = tuple(indices.astype("int32") for indices in latents)
        step = self.compiled_step(self.decode_step)
        return in_batches(step, [latents], batch_size)

    def check_latents(self, latents):
        check_code_maps(self, latents)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizers": [
                keras.saving.serialize_keras_object(quantizer)
                for quantizer in self.quantizers
            ],
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
            "downsampling": self.downsampling,
            "upsampling": self.upsampling,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        quantizers = [
            keras.saving.deserialize_keras_object(quantizer, custom_objects)
            for quantizer in config["quantizers"]
        ]
        return cls(**{**config, "quantizers": quantizers})


def _check_list(quantizers):
    if not isinstance(quantizers, (list, tuple)):
        received = type(quantizers).__name__
    elif len(quantizers) < 2:
        received = f"{len(quantizers)} of them"
    elif len({id(quantizer) for quantizer in quantizers}) < len(quantizers):
        received = "the same object twice"
    else:
        return
    raise ValueError(
        "`quantizers` must be a list of two or more quantizers of "
        "keras_vq.layers, one for each level, top first; for a single one, "
        f"use VQVAE. Received: {received}"
    )
