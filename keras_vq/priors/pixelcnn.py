import keras
from keras import layers
from keras import ops

from keras_vq.layers import GatedMaskedConv
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.priors.autoregressive_prior import AutoregressivePrior
from keras_vq.priors.code_embedding import CodeEmbedding

# What is computed anew in each row of a map that is drawn.
_OF_ROW = ("row_caches", "features", "caches")


@keras.saving.register_keras_serializable(package="keras_vq")
class PixelCNN(AutoregressivePrior):
    """A gated PixelCNN of maps of codes, or of pixels.

    Gated masked convolutions, the first of type A and wide, the others of type
    B; the label is added in each. Drawing computes the vertical stack once a
    row and the horizontal stack once a position, from caches of what kernels
    reach: the cost of a position does not grow with the map.

    Args:
        code_shape: tuple of int, `(height, width)` of the codes, or `(height,
            width, depth)`.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        hidden_dim: int >= 2, channels of either stack. Defaults to 64.
        num_layers: int >= 1, gated masked convolutions. Defaults to 8.
        kernel_size: int, odd, of the layers after the first. Defaults to 3.
        first_kernel_size: int, odd. Defaults to 7.
        dropout: float in [0, 1), before the logits. Defaults to 0.0.
        condition_dim: int or None, channels of a float map `(height, width,
            condition_dim)` that it is told with each example. Defaults to
            None.
        **kwargs: `depth`, `output`, `label_dropout`, `seed`, `name` and others
            of `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.

    Example:

    >>> prior = keras_vq.priors.PixelCNN((4, 4), 16, num_classes=10)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], seed=0).shape
    (2, 4, 4)

    A model of color images, level by level, red before green before blue:

    >>> pixels = keras_vq.priors.PixelCNN(
    ...     (8, 8, 3), 256, depth=3, output="logistic_mixture"
    ... )
    >>> pixels.compile("adam")
    >>> images = np.random.randint(256, size=(8, 8, 8, 3))
    >>> history = pixels.fit(images, verbose=0)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        hidden_dim=64,
        num_layers=8,
        kernel_size=3,
        first_kernel_size=7,
        dropout=0.0,
        condition_dim=None,
        **kwargs,
    ):
        super().__init__(code_shape, num_embeddings, num_classes, **kwargs)
        if len(self.position_shape) != 2:
            raise ValueError(
                "PixelCNN models maps of codes, (height, width). Received: "
                f"code_shape={self.code_shape} and depth={self.depth}"
            )
        check_sizes(None, hidden_dim=hidden_dim, num_layers=num_layers)
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.first_kernel_size = first_kernel_size
        self.dropout_rate = dropout
        self.condition_dim = condition_dim
        dtype = self.dtype_policy
        self.embed = CodeEmbedding(
            num_embeddings, hidden_dim, self.depth, dtype=dtype
        )
        if num_classes:
            self.embed_label = layers.Embedding(
                self.num_label_embeddings, hidden_dim, dtype=dtype
            )
            self.embed_label.build()
        self.convs = [
            GatedMaskedConv(hidden_dim, first_kernel_size, "A", dtype=dtype),
            *(
                GatedMaskedConv(hidden_dim, kernel_size, "B", dtype=dtype)
                for _ in range(num_layers - 1)
            ),
        ]
        shape = (None, *self.position_shape, hidden_dim)
        told = None
        if num_classes or condition_dim is not None:
            told = (None, 1, 1, hidden_dim)
        if condition_dim is not None:
            check_sizes(None, condition_dim=condition_dim)
            self.condition_shape = (*self.position_shape, condition_dim)
            self.to_condition = layers.Dense(hidden_dim, dtype=dtype)
            self.to_condition.build((None, *self.condition_shape))
        for conv in self.convs:
            conv.build((shape, shape), told)
        self.dropout = layers.Dropout(dropout, seed=self.seed, dtype=dtype)
        self.hidden = layers.Dense(hidden_dim, "relu", dtype=dtype)
        self.hidden.build(shape)
        self.code_head = self.make_head(hidden_dim)
        self.built = True

    def features_of(self, codes, labels, training, condition=None):
        x = self.embed(codes)
        stacks, condition = (x, x), self._condition(labels, condition)
        for i, conv in enumerate(self.convs):
            vertical, horizontal = conv(stacks, condition)
            stacks = vertical, self.attend(i, horizontal, training)
        return self._features(stacks[1], training)

    def attend(self, i, x, training):
        """What follows layer `i` on the horizontal stack; here nothing."""
        return x

    def attend_step(self, i, x, state, position):
        """As `attend`, for one position; updates the dict `state`."""
        return x

    def initial_state(self, batch_size, labels, condition=None):
        width = self.position_shape[1]
        state = {
            "row_caches": [
                conv.initial_row_cache(batch_size, width, self.hidden_dim)
                for conv in self.convs
            ],
            "features": [
                ops.zeros((batch_size, width, 2 * self.hidden_dim))
                for conv in self.convs
            ],
            "caches": self._initial_caches(batch_size),
        }
        condition = self._condition(labels, condition)
        if condition is not None:
            state["condition"] = ops.cast(condition, "float32")
        return state

    def next_features(self, position, codes, state):
        width = self.position_shape[1]
        row, column = position // width, position % width
        of_row = {name: state[name] for name in _OF_ROW}
        of_row = ops.cond(
            column == 0,
            lambda: self._start_row(row, codes, state),
            lambda: of_row,
        )
        state = {**state, **of_row}
        left = self.embed(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(column == 0, 0.0, ops.cast(left, "float32"))
        condition = self._condition_at(state, row)
        if condition is not None:
            condition = condition[:, 0, column if condition.shape[2] > 1 else 0]
        caches = []
        for i, conv in enumerate(self.convs):
            x, cache = conv.step(
                x,
                state["caches"][i],
                state["features"][i][:, column],
                condition,
            )
            caches.append(cache)
            x = self.attend_step(i, x, state, position)
        return self._features(x, False), {**state, "caches": caches}

    def _start_row(self, row, codes, state):
        maps = ops.reshape(codes, (-1, *self.code_shape))
        above = self.embed(maps[:, ops.maximum(row - 1, 0)])[:, None]
        x = ops.where(row == 0, 0.0, ops.cast(above, "float32"))
        condition = self._condition_at(state, row)
        features, row_caches = [], []
        for conv, cache in zip(self.convs, state["row_caches"], strict=True):
            x, seen, cache = conv.start_row(x, cache, condition)
            features.append(seen[:, 0])
            row_caches.append(cache)
        return {
            "row_caches": row_caches,
            "features": features,
            "caches": self._initial_caches(ops.shape(codes)[0]),
        }

    def _initial_caches(self, batch_size):
        return [
            conv.initial_cache(batch_size, self.hidden_dim)
            for conv in self.convs
        ]

    def _condition(self, labels, condition):
        """What each position is told, `(batch, height or 1, width or 1, dim)`,
        or None."""
        if self.condition_dim is not None:
            condition = self.to_condition(condition)
        if labels is None:
            return condition
        label = self.embed_label(labels)[:, None, None]
        return label if condition is None else label + condition

    def _condition_at(self, state, row):
        """What a row is told, `(batch, 1, width or 1, dim)`, or None."""
        condition = state.get("condition")
        if condition is None or condition.shape[1] == 1:
            return condition
        return condition[:, row][:, None]

    def _features(self, x, training):
        x = self.hidden(self.dropout(ops.relu(x), training=training))
        return ops.cast(x, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "kernel_size": self.kernel_size,
            "first_kernel_size": self.first_kernel_size,
            "dropout": self.dropout_rate,
            "condition_dim": self.condition_dim,
        }
