import hashlib
import math
from typing import Any

from keras_vq.metrics import CodebookPerplexity
from keras_vq.metrics import CodebookUsage
from keras_vq.models.first_stage import FirstStage
from keras_vq.ops import mean
from keras_vq.training.batches import batches_of
from keras_vq.training.check_codes import check_codes
from keras_vq.training.in_batches import in_batches


class Tokenizer(FirstStage):
    """Base of the models whose latents are codes of a codebook.

    A subclass calls `add_quantizer`, or sets `latent_shape`, here the shape of
    the codes, and `num_embeddings` itself. It defines, for one batch of
    tensors, `vectors_step(x)`, or else `encode_step(x)` to int32 indices, and
    `decode_step(indices)`. `encode` returns int32 indices
    `(n, *code_shape)` in `[0, num_embeddings)`, `decode` takes them.

    A model with several maps of codes has tuples in place of all of these: of
    shapes, of ints and of arrays.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    num_embeddings: Any
    # Codes of a position; more than one are the last axis of `code_shape`.
    depth = 1
    latent_name = "indices"
    latent_dtype = "int32"

    quantizer: Any
    # For each code of a position, the metrics that count it.
    code_metrics: tuple | list = ()

    def add_quantizer(self, quantizer, grid):
        """Make a quantizer part of a model with a single map of codes.

        Args:
            quantizer: A quantizer of `keras_vq.layers`.
            grid: tuple of int, the positions of the codes of one input.
        """
        quantizer.build((None, *grid, quantizer.embedding_dim))
        self.quantizer = quantizer
        self.depth = quantizer.depth
        self.latent_shape = code_shape(quantizer, grid)
        self.num_embeddings = quantizer.num_embeddings

    def vectors_step(self, x):
        """What the quantizers are given for one batch, tensors in and out.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.

        Returns:
            tuple of float tensors `(batch, ..., embedding_dim)`, one for each
            quantizer, top first.
        """
        raise NotImplementedError

    def encode_step(self, x):
        return self.quantizer.encode_to_indices(*self.vectors_step(x))

    def adapt(self, x, batch_size=256, num_vectors=None, seed=0):
        """Start the codebooks from data, by k-means, before training.

        Several levels are adapted one after the other, top first, each to what
        it is given once those above are; the data are gone through for each. A
        `VQGAN`, whose own `adapt` is of its latents' scale, starts its codebook
        by `Tokenizer.adapt(vqgan, x)`.

        Args:
            x: array `(n, *input_shape)`, or a data set that `fit` takes; labels
                are left out.
            batch_size: int, inputs per compiled batch. Defaults to 256.
            num_vectors: int, how many vectors to keep, a random sample of all;
                None for 65,536, or 4 for each code if that is more. Defaults to
                None.
            seed: int, of all draws. Defaults to 0.

        Raises:
            ValueError: If `x` does not fit, there are fewer vectors than codes,
                or there is no codebook to adapt.
        """
        only = getattr(self, "quantizer", None)
        quantizers = getattr(self, "quantizers", [only])
        if quantizers == [None]:
            raise ValueError(
                f"{type(self).__name__} `{self.name}` has no codebook to adapt."
            )
        step = self.compiled_step(self.vectors_step)

        def vectors_of(level):
            for batch in batches_of(x, batch_size):
                self.check_inputs(batch)
                yield in_batches(step, [batch], batch_size)[level]

        for level, quantizer in enumerate(quantizers):
            quantizer.adapt(
                vectors_of(level), num_vectors=num_vectors, seed=seed
            )

    def update_metrics(self, outputs, batch_size):
        super().update_metrics(outputs, batch_size)
        if self.code_metrics:
            update_code_metrics(self.code_metrics, outputs["indices"])

    @property
    def code_shape(self):
        """tuple of int, shape of the codes of one input."""
        return self.latent_shape

    @property
    def code_maps(self):
        """list of pairs, the shape and the number of codes of each map."""
        return [(self.code_shape, self.num_embeddings)]

    @property
    def code_bits(self):
        """float, bits of the codes of one input, all being equally likely."""
        return sum(
            math.prod(shape) * math.log2(num_embeddings)
            for shape, num_embeddings in self.code_maps
        )

    def fingerprint(self, condition_tokenizer=None):
        """16 hexadecimal digits that class and weights decide.

        Codes mean the same to tokenizers of the same fingerprint, on any
        backend; a prior notes that of the tokenizer it is made for.

        Args:
            condition_tokenizer: `Tokenizer` or None, that of a prior's
                condition, whose fingerprint is to follow after a `+`. Defaults
                to None.

        Returns:
            str.
        """
        start = f"{type(self).__name__} {self.num_embeddings}"
        digest = hashlib.sha256(start.encode())
        for weight in self.weights:
            digest.update(self.to_array(weight).tobytes())
        fingerprint = digest.hexdigest()[:16]
        if condition_tokenizer is None:
            return fingerprint
        return f"{fingerprint}+{condition_tokenizer.fingerprint()}"

    def bits_per_dim(self, x, parameters):
        """Bits per value that outputs and codes take together.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            parameters: float32 tensor, of the likelihood of `x`.

        Returns:
            float32 scalar, all codes being equally likely.
        """
        nats = mean(-self.likelihood.log_prob(x, parameters))
        nats += self.code_bits * math.log(2.0)
        return self.likelihood.bits_per_dim(nats, math.prod(self.input_shape))

    def check_latents(self, latents):
        check_codes(self, latents, self.code_shape, self.num_embeddings)


def code_shape(quantizer, grid):
    """tuple of int, the shape of a quantizer's codes of one input."""
    return (*grid, quantizer.depth) if quantizer.depth > 1 else tuple(grid)


def code_metrics(quantizer, suffix=""):
    """Perplexity and usage of each of a quantizer's codes of a position.

    Args:
        quantizer: A quantizer of `keras_vq.layers`.
        suffix: str, what their names end with. Defaults to `""`.

    Returns:
        list of pairs of metrics, one for each code of a position. Those of
        several codes are numbered, as in `"perplexity_0"`.
    """
    k = quantizer.num_embeddings
    numbers = [f"_{i}" for i in range(quantizer.depth)]
    return [
        [
            CodebookPerplexity(k, name=f"perplexity{suffix}{number}"),
            CodebookUsage(k, name=f"codebook_usage{suffix}{number}"),
        ]
        for number in (numbers if quantizer.depth > 1 else [""])
    ]


def update_code_metrics(code_metrics, indices):
    """Count the indices of a quantizer in its `code_metrics`."""
    for code, metrics in enumerate(code_metrics):
        mine = indices[..., code] if len(code_metrics) > 1 else indices
        for metric in metrics:
            metric.update_state(mine)
