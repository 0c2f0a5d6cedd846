from keras import layers
from keras import ops

from keras_vq.likelihoods import LogisticMixture
from keras_vq.likelihoods.likelihood import LEVELS


class MixtureHead(layers.Layer):
    """As `CodeHead`, for codes that are the levels of an image's channels.

    A dense layer gives the parameters of a discretised mixture of logistics:
    neighbouring levels share what is learned of them, and far fewer numbers
    come out of the network than one for each level.

    Args:
        dim: int, channels of the features.
        depth: int, channels of the image. Defaults to 1.
        num_mixtures: int. Defaults to 10.

    Call arguments:
        features: float tensor `(..., dim)`.
        codes: int tensor `(..., depth)`, or `(...)` where `depth` is 1; a
            logit depends on the channels before.

    Returns:
        float32 tensor `(..., depth, 256)`, without `depth` where that is 1.

    References:
        Salimans et al., PixelCNN++, 2017, section 2.1.
    """

    def __init__(self, dim, depth=1, num_mixtures=10):
        super().__init__(dtype="float32")
        self.depth = depth
        self.likelihood = LogisticMixture(num_mixtures)
        num_parameters = self.likelihood.num_parameters(depth)
        self.likelihood.build((None, num_parameters))
        self.dense = layers.Dense(num_parameters, dtype="float32")
        self.dense.build((None, dim))
        self.built = True

    def call(self, features, codes=None):
        parameters = self.dense(features)
        if self.depth == 1:
            return self.likelihood.level_log_probs(parameters, [])
        values = [self._values(codes[..., c]) for c in range(self.depth - 1)]
        return ops.stack(
            [
                self.likelihood.level_log_probs(parameters, values[:c])
                for c in range(self.depth)
            ],
            axis=-2,
        )

    def step(self, features, codes, level):
        """See `CodeHead.step`."""
        logits = self(features, codes)
        return logits if self.depth == 1 else logits[:, level]

    def nats(self, features, codes):
        """See `CodeHead.nats`."""
        values = self._values(codes)
        values = values[..., None] if self.depth == 1 else values
        return -self.likelihood.log_probs(values, self.dense(features))

    def _values(self, codes):
        return ops.cast(codes, "float32") / (LEVELS - 1)
