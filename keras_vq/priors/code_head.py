import keras
from keras import layers
from keras import ops

from keras_vq.priors.code_embedding import CodeEmbedding


class CodeHead(layers.Layer):
    """From what is known at a position to the logits of its codes.

    Of a single code by one dense layer. Of several, one after the other: each
    by two dense layers of its own, from the features plus the embeddings of
    the codes before it in the position, which are those of coarser stages of a
    residual quantizer, of other groups, or of other channels.

    Args:
        num_embeddings: int, number of codes, K.
        dim: int, channels of the features.
        depth: int, codes of a position. Defaults to 1.
        tied: `CodeEmbedding` or None, whose vectors the logits are products
            with, in place of the dense layer. Defaults to None.

    Call arguments:
        features: float tensor `(..., dim)`.
        codes: int tensor `(..., depth)`, or `(...)` where `depth` is 1; a
            logit depends on those before in the position.

    Returns:
        float32 tensor `(..., depth, num_embeddings)`, without `depth` where
        that is 1.

    References:
        Lee et al., Autoregressive Image Generation using Residual
        Quantization, 2022, section 3.2.2, with dense layers for its depth
        transformer.
    """

    def __init__(self, num_embeddings, dim, depth=1, tied=None):
        super().__init__(dtype="float32")
        self.num_embeddings = num_embeddings
        self.dim = dim
        self.depth = depth
        self.tied = tied
        if depth > 1:
            self.embed = CodeEmbedding(
                num_embeddings, dim, depth - 1, dtype="float32"
            )

            def kernel(name, *shape):
                # Of a matrix for each code the fans are `depth` times one's.
                scaling = keras.initializers.VarianceScaling(depth, "fan_avg")
                return self.add_weight((depth, *shape), scaling, name=name)

            def bias(name, size):
                return self.add_weight((depth, size), "zeros", name=name)

            self.hidden_kernel = kernel("hidden_kernel", dim, dim)
            self.hidden_bias = bias("hidden_bias", dim)
            self.kernel = kernel("kernel", dim, num_embeddings)
            self.bias = bias("bias", num_embeddings)
        elif tied is None:
            self.dense = layers.Dense(num_embeddings, dtype="float32")
            self.dense.build((None, dim))
        self.built = True

    def call(self, features, codes=None):
        features = ops.cast(features, "float32")
        if self.depth == 1:
            return self._logits_of_one(features)
        before = self.embed.each(codes[..., :-1])
        x = features[..., None, :]
        x = ops.concatenate([x, x + ops.cumsum(before, axis=-2)], axis=-2)
        x = ops.einsum("...di,dij->...dj", x, self.hidden_kernel)
        x = ops.relu(x + self.hidden_bias)
        logits = ops.einsum("...di,dik->...dk", x, self.kernel)
        return logits + self.bias

    def step(self, features, codes, level):
        """Logits of one code of a position.

        Args:
            features: float tensor `(batch, dim)`.
            codes: int tensor `(batch, depth)`; those before `level` are read.
            level: int or int tensor, which of the codes.

        Returns:
            float32 tensor `(batch, num_embeddings)`.
        """
        features = ops.cast(features, "float32")
        if self.depth == 1:
            return self._logits_of_one(features)
        before = self.embed.each(codes[:, :-1])
        is_before = ops.arange(self.depth - 1) < level
        x = features + ops.sum(
            ops.where(is_before[:, None], before, 0.0), axis=1
        )
        x = ops.matmul(x, self.hidden_kernel[level])
        x = ops.relu(x + self.hidden_bias[level])
        return ops.matmul(x, self.kernel[level]) + self.bias[level]

    def nats(self, features, codes):
        """-log p of all codes of each position, float32 `(...)`."""
        nats = keras.losses.sparse_categorical_crossentropy(
            codes, self(features, codes), from_logits=True
        )
        return nats if self.depth == 1 else ops.sum(nats, axis=-1)

    def _logits_of_one(self, features):
        if self.tied is None:
            return self.dense(features)
        table = ops.cast(self.tied.embeddings, "float32")
        return ops.matmul(features, ops.transpose(table))
