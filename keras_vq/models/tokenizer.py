import numpy as np

from keras_vq.models.first_stage import FirstStage


class Tokenizer(FirstStage):
    """Base of the models whose latents are codes of a codebook.

    A subclass sets `code_shape` and `num_embeddings` and defines, for one
    batch of tensors, `encode_step(x)` to int32 indices and
    `decode_step(indices)`. `encode` returns int32 indices `(n, *code_shape)`
    in `[0, num_embeddings)`, `decode` takes them.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    num_embeddings: int
    latent_name = "indices"
    latent_dtype = "int32"

    @property
    def code_shape(self):
        """tuple of int, shape of the codes of one input."""
        return self.latent_shape

    def check_latents(self, latents):
        name = type(self).__name__
        if not np.issubdtype(latents.dtype, np.integer):
            raise ValueError(
                f"{name} `{self.name}` decodes integers. Received: "
                f"indices.dtype={latents.dtype}"
            )
        super().check_latents(latents)
        if latents.size and (
            latents.min() < 0 or latents.max() >= self.num_embeddings
        ):
            raise ValueError(
                f"{name} `{self.name}` has codes 0 to "
                f"{self.num_embeddings - 1}. Received: indices from "
                f"{latents.min()} to {latents.max()}"
            )
