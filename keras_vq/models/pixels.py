import keras
from keras import ops

from keras_vq.models.tokenizer import Tokenizer
from keras_vq.networks.check_sizes import check_sizes


@keras.saving.register_keras_serializable(package="keras_vq")
class Pixels(Tokenizer):
    """The tokenizer that learns nothing: codes are the levels of values.

    With it a prior stands as a model of its own, of the pixels themselves, and
    all that takes a tokenizer takes images as they are.

    Args:
        input_shape: tuple of int, `(height, width, channels)`, or another of
            `keras_vq.models.FirstStage`.
        num_embeddings: int >= 2, levels from 0 to 1 (of audio from -1 to 1), to
            the nearest of which values are rounded; 2 for black and white.
            Defaults to 256.
        **kwargs: `name` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the rounded values.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = keras_vq.models.Pixels((8, 8, 3))
    >>> tokenizer.code_shape, tokenizer.depth
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
        check_sizes(None, num_embeddings=num_embeddings)
        self.num_embeddings = num_embeddings
        *size, self.depth = self.input_shape
        self.latent_shape = tuple(size) if self.depth == 1 else self.input_shape
        self.built = True

    def encode_step(self, x):
        x = self._unit(self.to_unit_range(x))
        codes = ops.cast(ops.round(x * (self.num_embeddings - 1)), "int32")
        return ops.reshape(codes, (-1, *self.latent_shape))

    def decode_step(self, latents):
        x = ops.cast(latents, "float32") / (self.num_embeddings - 1)
        low, high = self.value_range
        x = low + (high - low) * x
        return ops.reshape(x, (-1, *self.input_shape))

    def _unit(self, x):
        low, high = self.value_range
        return (x - low) / (high - low)

    def losses_of(self, x, training):
        raise TypeError(
            "Pixels have nothing to learn. Train a prior of their codes, as in "
            "`keras_vq.zoo.pixelcnn(pixels).fit(pixels.encode(images))`."
        )

    def get_config(self):
        config = super().get_config()
        for name in ("likelihood", "data_variance"):
            config.pop(name)
        return {**config, "num_embeddings": self.num_embeddings}
