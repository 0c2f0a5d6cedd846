import math
from typing import Any

from keras_vq.checks import check_codes
from keras_vq.checks import check_int
from keras_vq.checks import check_type
from keras_vq.checks import title
from keras_vq.layers import Quantizer
from keras_vq.layers import ResidualVectorQuantizer
from keras_vq.metrics import CodebookPerplexity
from keras_vq.metrics import CodebookUsage
from keras_vq.models.first_stage import FirstStage
from keras_vq.models.first_stage import digest
from keras_vq.models.stream import Stream
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable
from keras_vq.training.batches import batches_of
from keras_vq.training.batches import in_batches


@serializable
class Tokenizer(FirstStage):
    """Base class of the first-stage models whose latents are discrete codes.

    `encode` returns int32 indices `(n, *code_shape)` in `[0, num_embeddings)`,
    `decode` takes them. A model with several maps of codes has tuples of
    shapes, numbers and arrays instead.

    A subclass with one quantizer calls `connect(encoder, quantizer, decoder)`
    and `track_codes(quantizer)`.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        likelihood: See `FirstStage`. Defaults to `"mse"`.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    num_embeddings: Any
    # Codes per position; if several, they are the last axis of `code_shape`.
    codes_per_position = 1
    # What codes mean, if neither the class nor the weights tell.
    code_scale = ""
    latent_name = "indices"
    latent_dtype = "int32"

    def connect(self, encoder, bottleneck, decoder):
        check_quantizer_type(bottleneck)
        super().connect(encoder, bottleneck, decoder)
        self.num_embeddings = bottleneck.num_embeddings
        self.codes_per_position = bottleneck.codes_per_position

    @property
    def quantizer(self):
        """The quantizer of a model with one map of codes."""
        return self.bottleneck

    @property
    def quantizers(self):
        """list of all quantizers, coarsest first; empty without a codebook."""
        return [self.bottleneck]

    @property
    def code_shape(self):
        """tuple of int, shape of the codes of one input."""
        return self.latent_shape

    @property
    def code_maps(self):
        """list of pairs, shape and number of codes of each map."""
        return [(self.code_shape, self.num_embeddings)]

    @property
    def code_bits(self):
        """float, bits of the codes of one input if all are equally likely."""
        return sum(
            math.prod(shape) * math.log2(num_embeddings)
            for shape, num_embeddings in self.code_maps
        )

    def bits_per_dim(self, x, parameters):
        """Bits per value to code the indices, and the input given them.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            parameters: float32 tensor, of the likelihood of `x`.

        Returns:
            float32 scalar, with all codes equally likely.
        """
        nats = masked_mean(-self.likelihood.log_prob(x, parameters))
        nats += self.code_bits * math.log(2.0)
        return self.likelihood.bits_per_dim(nats, math.prod(self.input_shape))

    def track_codes(self, quantizer, level=None):
        """Log perplexity and usage of a quantizer's codes.

        Args:
            quantizer: A quantizer of `keras_vq.layers`.
            level: int or None, its number in a hierarchical model, whose
                `losses_of` returns `indices_0` and so on. Defaults to None,
                for `indices`.
        """
        suffix = "" if level is None else f"_{level}"
        count = quantizer.codes_per_position
        for code in range(count):
            number, index = (f"_{code}", code) if count > 1 else ("", None)
            for metric_class, name in (
                (CodebookPerplexity, "perplexity"),
                (CodebookUsage, "codebook_usage"),
            ):
                metric = metric_class(
                    quantizer.num_embeddings, name=f"{name}{suffix}{number}"
                )
                self.track_metric(metric, f"indices{suffix}", index)

    def quantizer_inputs(self, x):
        """Compute the input of each quantizer for one batch of tensors.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.

        Returns:
            tuple of float tensors `(batch, ..., embedding_dim)`, coarsest
            first.
        """
        return (self.encoded(self.to_value_range(x)),)

    def can_adapt(self, num_inputs):
        """Whether `adapt` can initialize all codebooks from so many inputs."""
        return all(q.can_adapt for q in self.quantizers) and all(
            num_inputs * math.prod(shape) >= q.codes_per_position * k
            for q, (shape, k) in zip(
                self.quantizers, self.code_maps, strict=True
            )
        )

    def adapt(self, x, batch_size=256, num_vectors=None, seed=0):
        """Initialize the codebooks from data by k-means, before training.

        Several levels are initialized in order, coarsest first, each given the
        levels above; the data are iterated once per level.

        Args:
            x: array `(n, *input_shape)`, or a data set that `fit` accepts;
                labels are ignored.
            batch_size: int, inputs per compiled batch. Defaults to 256.
            num_vectors: int, size of the random sample of vectors to cluster;
                None for 65,536, or 4 per code if that is more. Defaults to
                None.
            seed: int, seed of all draws. Defaults to 0.

        Raises:
            ValueError: If `x` does not fit, there are fewer vectors than codes,
                or there is no codebook to initialize.
        """
        if not self.quantizers:
            raise ValueError(f"{title(self)} has no codebook to initialize.")
        batch_size = check_int("batch_size", batch_size)
        step = self.jit(self.quantizer_inputs)

        def vectors_of(level):
            for batch in batches_of(x, batch_size):
                self.check_inputs(batch)
                yield in_batches(step, [batch], batch_size)[level]

        for level, quantizer in enumerate(self.quantizers):
            quantizer.adapt(
                vectors_of(level), num_vectors=num_vectors, seed=seed
            )

    @property
    def continuous_shape(self):
        return self.encoded_shape

    def continuous_latents(self, x, labels=None):
        return self.encoded(x, labels)

    def to_latents(self, z):
        return self.quantizer.encode_to_indices(z)

    def fingerprint(self, condition_tokenizer=None):
        """16 hexadecimal digits that identify the meaning of the codes.

        They depend on the class and on the weights that determine codes.
        Tokenizers with equal fingerprints produce the same codes, on any
        backend; a prior stores the fingerprint of the tokenizer it was created
        for.

        Args:
            condition_tokenizer: `Tokenizer` or None, the tokenizer of a prior's
                condition; its fingerprint is appended after a `+`. Defaults to
                None.

        Returns:
            str.
        """
        start = f"{type(self).__name__} {self.num_embeddings}{self.code_scale}"
        fingerprint = digest(start, self.encoding_weights)
        if condition_tokenizer is None:
            return fingerprint
        return f"{fingerprint}+{condition_tokenizer.fingerprint()}"

    def stream(self, batch_size=1):
        """Encode and decode audio chunk by chunk; see `keras_vq.models.Stream`.

        Args:
            batch_size: int >= 1, recordings at a time. Defaults to 1.

        Returns:
            `keras_vq.models.Stream`.

        Raises:
            ValueError: If the networks are not chains of causal layers.
        """
        return Stream(self, batch_size)

    def check_latents(self, latents):
        self.check_codes_of_shape(latents, self.code_shape)

    def check_codes_of_shape(self, codes, shape):
        """Raise unless these are codes of a shape, or their first stages.

        Args:
            codes: NumPy array `(n, *shape)`.
            shape: tuple of int, shape of the codes of one input.
        """
        is_residual = any(
            isinstance(each, ResidualVectorQuantizer)
            for each in self.quantizers
        )
        if is_residual and codes.ndim == len(shape) + 1:
            # The first stages alone are decoded to something coarser.
            count = min(max(codes.shape[-1], 1), shape[-1])
            shape = (*shape[:-1], count)
        check_codes(self, codes, shape, self.num_embeddings)


def check_quantizer_type(quantizer):
    """Raise unless this is a quantizer of `keras_vq.layers`."""
    check_type(
        "quantizer", quantizer, Quantizer, "a quantizer of keras_vq.layers"
    )
