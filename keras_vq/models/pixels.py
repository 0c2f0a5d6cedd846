from keras import ops

from keras_vq.checks import check_int
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.saving.config import serializable


@serializable
class Pixels(Tokenizer):
    """A tokenizer without parameters, whose codes are quantized pixel values.

    A prior over its codes models the pixels themselves, and everything that
    takes a tokenizer works on raw images.

    Args:
        input_shape: tuple of int, `(height, width, channels)`, or another shape
            of `keras_vq.models.FirstStage`.
        num_embeddings: int >= 2, number of levels from 0 to 1 (for audio from
            -1 to 1). Values are rounded to the nearest level; 2 gives black and
            white. Defaults to 256.
        **kwargs: `name` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the rounded values.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = keras_vq.models.Pixels((8, 8, 3))
    >>> tokenizer.code_shape, tokenizer.codes_per_position
    ((8, 8, 3), 3)
    >>> prior = keras_vq.zoo.pixelcnn(tokenizer, output="logistic_mixture")
    >>> generator = keras_vq.LatentGenerator(tokenizer, prior)
    >>> generator.generate(2, seed=0).shape
    (2, 8, 8, 3)

    References:
        van den Oord et al., Pixel Recurrent Neural Networks, 2016.
    """

    def __init__(self, input_shape, num_embeddings=256, **kwargs):
        super().__init__(input_shape, **kwargs)
        self.num_embeddings = check_int(
            "num_embeddings", num_embeddings, 2, 2**31 - 1
        )
        *size, channels = self.input_shape
        self.codes_per_position = channels
        self.latent_shape = tuple(size) if channels == 1 else self.input_shape

    @property
    def quantizers(self):
        return []

    @property
    def encoding_weights(self):
        return []

    def encode_step(self, x, labels=None):
        low, high = self.value_range
        x = (self.to_value_range(x) - low) / (high - low)
        codes = ops.cast(ops.round(x * (self.num_embeddings - 1)), "int32")
        return ops.reshape(codes, (-1, *self.latent_shape))

    def decode_step(self, latents, labels=None):
        x = ops.cast(latents, "float32") / (self.num_embeddings - 1)
        low, high = self.value_range
        x = low + (high - low) * x
        return ops.reshape(x, (-1, *self.input_shape))

    def losses_of(self, x, labels, training):
        raise TypeError(
            "Pixels has nothing to train. Train a prior on its codes, as in "
            "`keras_vq.zoo.pixelcnn(pixels).fit(pixels.encode(images))`."
        )
