from typing import Any

import keras
from keras import ops

from keras_vq.checks import check_code_maps
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import check_quantizer_type
from keras_vq.models.wiring import check_decoder
from keras_vq.models.wiring import known_input_shape
from keras_vq.models.wiring import output_shape
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


@serializable
class VQVAE2(Tokenizer):
    """The VQ-VAE-2: codes on several grids, coarse to fine.

    Coarse codes hold the global structure, finer ones the details. With levels
    l from 0 (top) to L - 1 (bottom), and `[...]` along channels:

    ```
    features[l]  = encoder[l](features[l + 1])        features[L] = x
    above[l]     = decoder[l - 1](codes[l - 1])       nothing above the top
    quantized[l] = quantizer[l](projection[l]([features[l], above[l]]))
    codes[l]     = [quantized[l], above[l]]
    loss         = -log p(x | decoder[L - 1](codes[L - 1]))    per value
                   + the sum of the quantizers' losses
    ```

    The projections are dense layers that the model creates. `encode` returns a
    tuple of index maps, top first. `decode` takes all of them, or only the
    first maps, to show what these encode: the mean of a level's codebook
    replaces missing codes.

    Args:
        encoders: list of two or more `keras.Model` or layers, top first; the
            bottom one takes inputs in [-1, 1], the others take the features
            `(batch, *grid, dim)` of the level below.
        quantizers: list of as many quantizers of `keras_vq.layers`, top first.
        decoders: list of as many `keras.Model` or layers, top first, from the
            codes of a level to features on the grid of the level below; the
            bottom one returns the parameters of the likelihood.
            `keras_vq.networks.hierarchical_cnn` builds both lists.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. The logs
            include `bits_per_dim` unless it is `"mse"` or `"mae"`. Defaults to
            `"mse"`.
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`;
            needed if the bottom encoder is a layer that does not know it.
            Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If the lists differ in length or the shapes of the parts do
            not match.

    Example:

    >>> encoders, decoders = keras_vq.networks.hierarchical_cnn(
    ...     (32, 32, 3), [64, 64], 3, hidden_dim=16)
    >>> quantizers = [keras_vq.layers.VectorQuantizerEMA(512, 64) for _ in "ab"]
    >>> model = keras_vq.models.VQVAE2(encoders, quantizers, decoders)
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

    quantizers: Any = ()  # not the property of `Tokenizer`

    def __init__(
        self,
        encoders,
        quantizers,
        decoders,
        likelihood="mse",
        input_shape=None,
        **kwargs,
    ):
        _check_lists(encoders, quantizers, decoders)
        shape = known_input_shape(encoders[-1], input_shape)
        super().__init__(shape, likelihood, **kwargs)
        self.encoders = list(encoders)
        self.quantizers = list(quantizers)
        self.decoders = list(decoders)

        # === Shapes, and projections that follow from them ===
        shapes: list[tuple[int, ...]] = []
        shape = self.input_shape
        for level in reversed(range(len(encoders))):
            name = f"encoders[{level}]"
            shape = output_shape(name, encoders[level], shape)
            shapes.insert(0, shape)
        self.projections = []
        above_dim = 0
        for level, (*grid, dim) in enumerate(shapes):
            quantizer = quantizers[level]
            # A convolution of kernel size 1. Distances to the codes need
            # float32.
            projection = keras.layers.Dense(
                quantizer.embedding_dim, dtype="float32"
            )
            projection.build((None, *grid, dim + above_dim))
            self.projections.append(projection)
            quantizer.build((None, *grid, quantizer.embedding_dim))
            code_dim = quantizer.embedding_dim + above_dim
            name = f"decoders[{level}]"
            decoded = output_shape(name, decoders[level], (*grid, code_dim))
            if level < len(shapes) - 1:
                _check_grid(level, decoded, shapes[level + 1])
            above_dim = decoded[-1]
        check_decoder(self, decoders[-1], decoded)
        if not self.likelihood.built:
            self.likelihood.build((None, *decoded))
        self.latent_shape = tuple(
            quantizer.latent_shape(grid[:-1])
            for quantizer, grid in zip(quantizers, shapes, strict=True)
        )
        self.num_embeddings = tuple(q.num_embeddings for q in quantizers)

        # === Logs ===
        self.loss_names = sorted({n for q in quantizers for n in q.loss_names})
        self.track("loss", "reconstruction_loss", *self.loss_names)
        if self.likelihood.is_normalized:
            self.track("bits_per_dim")
        for level, quantizer in enumerate(quantizers):
            self.track_codes(quantizer, level)

    @property
    def code_maps(self):
        return list(zip(self.code_shape, self.num_embeddings, strict=True))

    @property
    def encoding_weights(self):
        parts = [
            *self.encoders,
            *self.projections,
            *self.quantizers,
            *self.decoders[:-1],
        ]
        return [weight for part in parts for weight in part.weights]

    def features(self, x, training=False):
        """Features of each level, top first.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            training: bool. Defaults to False.

        Returns:
            list of float32 tensors `(batch, *grid, dim)`.
        """
        x, features = self.to_network_range(x), []
        for encoder in reversed(self.encoders):
            x = encoder(x, training=training)
            features.append(ops.cast(x, "float32"))
        return features[::-1]

    def above(self, level, codes, training=False):
        """Features that the levels above decode to on the grid of a level.

        Returns:
            list with one float32 tensor `(batch, *grid, dim)`, or an empty one
            for the top level.
        """
        if level == 0:
            return []
        return [self.decoders[level - 1](codes, training=training)]

    def top_down(self, x, training=False):
        """Choose the codes level by level, each given those above.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            training: bool. Defaults to False.

        Returns:
            The bottom's `codes`, from which the last decoder reconstructs, and
            a list of the quantizers' outputs, with their inputs as `vectors`,
            top first.
        """
        codes, outputs = None, []
        for level, features in enumerate(self.features(x, training)):
            above = self.above(level, codes, training)
            z = ops.concatenate([features, *above], axis=-1)
            z = self.projections[level](z)
            found = self.quantizers[level](z, training=training)
            outputs.append({**found, "vectors": z})
            codes = ops.concatenate([found["quantized"], *above], axis=-1)
        return codes, outputs

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        codes, levels = self.top_down(x, training)
        parameters = self.decoders[-1](codes, training=training)
        reconstruction_loss = self.likelihood.loss(x, parameters)
        outputs = {
            "inputs": x,
            "reconstruction": self.likelihood(parameters),
            "reconstruction_loss": reconstruction_loss,
            "loss": reconstruction_loss + sum(each["loss"] for each in levels),
        }
        for name in self.loss_names:
            outputs[name] = sum(each.get(name, 0.0) for each in levels)
        for level, each in enumerate(levels):
            outputs[f"indices_{level}"] = each["indices"]
        if self.likelihood.is_normalized:
            outputs["bits_per_dim"] = self.bits_per_dim(x, parameters)
        return outputs

    def quantizer_inputs(self, x):
        _, outputs = self.top_down(self.to_value_range(x))
        return tuple(level["vectors"] for level in outputs)

    def encode_step(self, x, labels=None):
        _, outputs = self.top_down(self.to_value_range(x))
        return tuple(level["indices"] for level in outputs)

    def decode_step(self, latents, labels=None):
        codes = None
        for level, quantizer in enumerate(self.quantizers):
            above = self.above(level, codes)
            if level < len(latents):
                quantized = quantizer.decode_indices(latents[level])
            else:
                code = quantizer.mean_code()
                quantized = ops.zeros_like(above[0][..., :1]) + code
            codes = ops.concatenate([quantized, *above], axis=-1)
        return self.to_output(self.likelihood(self.decoders[-1](codes)))

    def decode(self, latents, labels=None, batch_size=32):
        """Decode any number of codes, in compiled batches.

        Args:
            latents: tuple of int arrays `(n, *shape)`, top first, for each of
                the shapes in `code_shape`, or for the first of them only.
            labels: Must be None.
            batch_size: int, examples per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If number, shape or values of the maps do not fit.
        """
        if isinstance(latents, (tuple, list)):
            latents = tuple(to_array(indices) for indices in latents)
        self.check_latents(latents)
        self.label_array(labels, len(latents[0]))
        latents = tuple(indices.astype("int32") for indices in latents)
        return in_batches(self.jit(self.decode_step), [latents], batch_size)

    def check_latents(self, latents):
        check_code_maps(self, latents)


def _check_lists(encoders, quantizers, decoders):
    lists = {
        "encoders": encoders,
        "quantizers": quantizers,
        "decoders": decoders,
    }
    for name, parts in lists.items():
        if not isinstance(parts, (list, tuple)) or len(parts) < 2:
            count = type(parts).__name__
            if isinstance(parts, (list, tuple)):
                count = f"{len(parts)} of them"
            raise ValueError(
                f"`{name}` must be a list of two or more, one per level, top "
                f"first; for a single level, use VQVAE. Received: {count}"
            )
    counts = {name: len(parts) for name, parts in lists.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "There must be one encoder, quantizer and decoder per level. "
            f"Received: {counts}"
        )
    for quantizer in quantizers:
        check_quantizer_type(quantizer)
    if len({id(quantizer) for quantizer in quantizers}) < len(quantizers):
        raise ValueError(
            "`quantizers` must be different objects, one per level. Received: "
            "the same object twice"
        )


def _check_grid(level, decoded, shape):
    if decoded[:-1] != shape[:-1]:
        raise ValueError(
            "A decoder must output the grid of the level below. Received: "
            f"decoders[{level}] with outputs of shape {(None, *decoded)}, "
            f"encoders[{level + 1}] with outputs of shape {(None, *shape)}"
        )
