import math

from keras import ops

from keras_vq.checks import check_flag
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
        mu_law: bool, whether the levels of audio are closer together the closer
            to silence, by the mu-law with mu = `num_embeddings - 1`. Defaults
            to False.
        **kwargs: `name` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the rounded values.

    Raises:
        ValueError: If an argument is out of range, or images have a mu-law.

    Example:

    >>> tokenizer = keras_vq.models.Pixels((8, 8, 3))
    >>> tokenizer.code_shape, tokenizer.codes_per_position
    ((8, 8, 3), 3)
    >>> prior = keras_vq.zoo.pixelcnn(tokenizer, output="logistic_mixture")
    >>> generator = keras_vq.LatentGenerator(tokenizer, prior)
    >>> generator.generate(2, seed=0).shape
    (2, 8, 8, 3)

    References:
        van den Oord et al., Pixel Recurrent Neural Networks, 2016. Mu-law:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016,
        section 2.2.
    """

    def __init__(self, input_shape, num_embeddings=256, mu_law=False, **kwargs):
        super().__init__(input_shape, **kwargs)
        self.num_embeddings = check_int(
            "num_embeddings", num_embeddings, 2, 2**31 - 1
        )
        self.mu_law = check_flag("mu_law", mu_law)
        self.code_scale = " mu-law" if self.mu_law else ""
        *size, channels = self.input_shape
        if self.mu_law and len(size) > 1:
            raise ValueError(
                "The mu-law is for audio, (time, channels). Received: "
                f"mu_law=True and input_shape={self.input_shape}"
            )
        self.codes_per_position = channels
        self.latent_shape = tuple(size) if channels == 1 else self.input_shape

    @property
    def _mu(self):
        return self.num_embeddings - 1

    @property
    def _mu_log(self):
        return math.log(self.num_embeddings)

    @property
    def quantizers(self):
        return []

    @property
    def encoding_weights(self):
        return []

    def encode_step(self, x, labels=None):
        low, high = self.value_range
        x = self.to_value_range(x)
        if self.mu_law:
            x = ops.sign(x) * ops.log1p(self._mu * ops.abs(x)) / self._mu_log
        x = (x - low) / (high - low)
        codes = ops.cast(ops.round(x * (self.num_embeddings - 1)), "int32")
        return ops.reshape(codes, (-1, *self.latent_shape))

    def decode_step(self, latents, labels=None):
        x = ops.cast(latents, "float32") / (self.num_embeddings - 1)
        low, high = self.value_range
        x = low + (high - low) * x
        if self.mu_law:
            x = ops.sign(x) * ops.expm1(ops.abs(x) * self._mu_log) / self._mu
        return ops.reshape(x, (-1, *self.input_shape))

    def losses_of(self, x, labels, training):
        raise TypeError(
            "Pixels has nothing to train. Train a prior on its codes, as in "
            "`keras_vq.zoo.pixelcnn(pixels).fit(pixels.encode(images))`."
        )
