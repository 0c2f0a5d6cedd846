"""Heads: from features at a position to the probabilities of its codes."""

import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.layers import CodeEmbedding
from keras_vq.likelihoods import LogisticMixture
from keras_vq.likelihoods.likelihood import LEVELS
from keras_vq.saving.config import serializable


@serializable
class CodeHead(backend.LayerMixin, keras.layers.Layer):
    """Logits of the codes at a position.

    A single code gets its logits from one dense layer. Several codes are
    predicted one after the other, each by two dense layers of its own, from the
    features plus the embeddings of the codes before it at the position: those
    of coarser stages of a residual quantizer, of other groups, or of other
    channels.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        dim: int >= 1, channels of the features.
        codes_per_position: int >= 1. Defaults to 1.
        is_tied: bool, whether the logits are products with the vectors of an
            embedding, set by `tie`, instead of outputs of a dense layer.
            Defaults to False.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Call arguments:
        features: float tensor `(..., dim)`.
        codes: int tensor `(..., codes_per_position)`, or `(...)` if that is 1.
            Logits depend on earlier codes at the position.

    Returns:
        float32 tensor `(..., codes_per_position, num_embeddings)`, without
        `codes_per_position` if that is 1.

    Example:

    >>> head = keras_vq.priors.CodeHead(16, 8, codes_per_position=3)
    >>> head(np.ones((2, 5, 8)), np.zeros((2, 5, 3), int)).shape
    (2, 5, 3, 16)

    References:
        Lee et al., Autoregressive Image Generation using Residual
        Quantization, 2022, section 3.2.2, with dense layers instead of a depth
        transformer.
    """

    def __init__(
        self,
        num_embeddings,
        dim,
        codes_per_position=1,
        is_tied=False,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.num_embeddings = check_int("num_embeddings", num_embeddings, 2)
        self.dim = check_int("dim", dim)
        self.codes_per_position = check_int(
            "codes_per_position", codes_per_position
        )
        self.is_tied = is_tied
        if self.codes_per_position > 1:
            self._add_stages()
        elif not is_tied:
            self.dense = keras.layers.Dense(
                self.num_embeddings, dtype="float32"
            )
            self.dense.build((None, self.dim))
        self.built = True

    def _add_stages(self):
        count, dim, k = self.codes_per_position, self.dim, self.num_embeddings
        self.embedding = CodeEmbedding(k, dim, count - 1, dtype="float32")

        def weight(name, *shape, initializer="zeros"):
            return self.add_weight(
                (count, *shape),
                initializer,
                name=name,
                dtype="float32",
                autocast=False,
            )

        def kernel(name, *shape):
            # The fans of the stack are `count` times those of one matrix.
            scaling = keras.initializers.VarianceScaling(count, "fan_avg")
            return weight(name, *shape, initializer=scaling)

        self.hidden_kernel = kernel("hidden_kernel", dim, dim)
        self.hidden_bias = weight("hidden_bias", dim)
        self.kernel = kernel("kernel", dim, k)
        self.bias = weight("bias", k)

    def tie(self, embedding):
        """Compute logits with the vectors of this `CodeEmbedding`."""
        self.embedding = embedding

    def call(self, features, codes=None):
        features = ops.cast(features, "float32")
        if self.codes_per_position == 1:
            return self._logits_of_one(features)
        before = self.embedding.each(codes[..., :-1])
        x = features[..., None, :]
        x = ops.concatenate([x, x + ops.cumsum(before, axis=-2)], axis=-2)
        x = ops.einsum("...di,dij->...dj", x, self.hidden_kernel)
        x = ops.relu(x + self.hidden_bias)
        logits = ops.einsum("...di,dik->...dk", x, self.kernel)
        return logits + self.bias

    def step(self, features, codes, index):
        """Logits of one code at one position.

        Args:
            features: float tensor `(batch, dim)`.
            codes: int tensor `(batch, codes_per_position)`; only those before
                `index` are read.
            index: int or int tensor, index of the code at the position.

        Returns:
            float32 tensor `(batch, num_embeddings)`.
        """
        features = ops.cast(features, "float32")
        if self.codes_per_position == 1:
            return self._logits_of_one(features)
        vectors = self.embedding.each(codes[:, :-1])
        is_before = ops.arange(self.codes_per_position - 1) < index
        x = features + ops.sum(
            ops.where(is_before[:, None], vectors, 0.0), axis=1
        )
        x = ops.matmul(x, self.hidden_kernel[index])
        x = ops.relu(x + self.hidden_bias[index])
        return ops.matmul(x, self.kernel[index]) + self.bias[index]

    def nats(self, features, codes):
        """-log p of all codes at each position, float32 `(...)`."""
        nats = keras.losses.sparse_categorical_crossentropy(
            codes, self(features, codes), from_logits=True
        )
        return nats if self.codes_per_position == 1 else ops.sum(nats, axis=-1)

    def _logits_of_one(self, features):
        if not self.is_tied:
            return self.dense(features)
        vectors = ops.cast(self.embedding.embeddings, "float32")
        return ops.matmul(features, ops.transpose(vectors))


@serializable
class LogisticMixtureHead(backend.LayerMixin, keras.layers.Layer):
    """A head for codes that are the 256 levels of an image's channels.

    A dense layer computes the parameters of a discretized mixture of
    logistics: neighboring levels share statistical strength, and the network
    outputs far fewer numbers than one per level.

    Args:
        dim: int >= 1, channels of the features.
        codes_per_position: int >= 1, channels of the image. Defaults to 1.
        num_mixtures: int >= 1, components of the mixture. Defaults to 10.
        **kwargs: `name` and others of `keras.layers.Layer`.

    Call arguments:
        features: float tensor `(..., dim)`.
        codes: int tensor `(..., codes_per_position)`, or `(...)` if that is 1.
            Logits depend on earlier channels.

    Returns:
        float32 tensor `(..., codes_per_position, 256)`, without
        `codes_per_position` if that is 1.

    Example:

    >>> head = keras_vq.priors.LogisticMixtureHead(8, codes_per_position=3)
    >>> head(np.ones((2, 5, 8)), np.zeros((2, 5, 3), int)).shape
    (2, 5, 3, 256)

    References:
        Salimans et al., PixelCNN++, 2017, section 2.1.
    """

    num_embeddings = LEVELS
    is_tied = False

    def __init__(self, dim, codes_per_position=1, num_mixtures=10, **kwargs):
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.dim = check_int("dim", dim)
        self.codes_per_position = check_int(
            "codes_per_position", codes_per_position
        )
        self.num_mixtures = check_int("num_mixtures", num_mixtures)
        self.likelihood = LogisticMixture(self.num_mixtures)
        num_parameters = self.likelihood.num_parameters(self.codes_per_position)
        if not self.likelihood.built:
            self.likelihood.build((None, num_parameters))
        self.dense = keras.layers.Dense(num_parameters, dtype="float32")
        self.dense.build((None, self.dim))
        self.built = True

    def call(self, features, codes=None):
        parameters = self.dense(features)
        count = self.codes_per_position
        if count == 1:
            return self.likelihood.level_log_probs(parameters, [])
        values = [_to_values(codes[..., c]) for c in range(count - 1)]
        return ops.stack(
            [
                self.likelihood.level_log_probs(parameters, values[:c])
                for c in range(count)
            ],
            axis=-2,
        )

    def step(self, features, codes, index):
        """See `CodeHead.step`."""
        logits = self(features, codes)
        return logits if self.codes_per_position == 1 else logits[:, index]

    def nats(self, features, codes):
        """See `CodeHead.nats`."""
        values = _to_values(codes)
        if self.codes_per_position == 1:
            values = values[..., None]
        return -self.likelihood.log_probs(values, self.dense(features))


def _to_values(codes):
    return ops.cast(codes, "float32") / (LEVELS - 1)
