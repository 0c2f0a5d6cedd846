import hashlib
import math
from typing import Any

from keras_vq.models.first_stage import FirstStage
from keras_vq.ops import mean
from keras_vq.training.check_codes import check_codes


class Tokenizer(FirstStage):
    """Base of the models whose latents are codes of a codebook.

    A subclass sets `latent_shape`, here the shape of the codes, and
    `num_embeddings`, and defines, for one batch of tensors, `encode_step(x)` to
    int32 indices and `decode_step(indices)`. `encode` returns int32 indices
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
