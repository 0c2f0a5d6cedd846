import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.layers import CausalSelfAttention
from keras_vq.layers import CodeEmbedding
from keras_vq.layers import GatedMaskedConv
from keras_vq.networks.causal_network import CausalNetwork
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable

# The parts of the state that are computed once per row.
_PER_ROW = ("row_caches", "features", "caches")


@serializable
class PixelCNN(CausalNetwork):
    """A gated PixelCNN, for maps of codes or for pixels.

    A stack of gated masked convolutions, the first with mask A and a large
    kernel, the others with mask B. The conditioning is added in each layer.
    `step` computes the vertical stack once per row and the horizontal stack
    once per position, from caches of the inputs that the kernels cover, so its
    cost does not grow with the map.

    Args:
        code_shape: tuple of int, `(height, width)` of the codes, or `(height,
            width, codes_per_position)`.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        codes_per_position: int >= 1; see `CausalNetwork`. Defaults to 1.
        hidden_dim: int >= 2, channels of each stack. Defaults to 64.
        num_layers: int >= 1, number of gated masked convolutions. Defaults to
            8.
        kernel_size: odd int, for the layers after the first. Defaults to 3.
        first_kernel_size: odd int, for the first layer. Defaults to 7.
        dropout: float in [0, 1), dropout rate before the output. Defaults to
            0.0.
        condition_dim: int or None, channels of a condition, a float map
            `(height, width, condition_dim)`. Defaults to None, no condition.
        seed: int or None, random seed of the dropout. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, height, width, hidden_dim)`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.

    Example:

    >>> network = keras_vq.networks.PixelCNN((4, 4), 16, hidden_dim=32)
    >>> network(np.zeros((2, 4, 4), int)).shape
    (2, 4, 4, 32)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        codes_per_position=1,
        hidden_dim=64,
        num_layers=8,
        kernel_size=3,
        first_kernel_size=7,
        dropout=0.0,
        condition_dim=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(
            code_shape,
            num_embeddings,
            num_classes,
            codes_per_position,
            **kwargs,
        )
        if len(self.position_shape) != 2:
            raise ValueError(
                f"{type(self).__name__} models maps of codes, (height, width). "
                f"Received: code_shape={self.code_shape} with "
                f"codes_per_position={self.codes_per_position}"
            )
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        self.num_layers = check_int("num_layers", num_layers)
        self.kernel_size = kernel_size
        self.first_kernel_size = first_kernel_size
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)
        self.condition_dim = condition_dim
        self.seed = check_seed(seed)
        self.features_dim = self.hidden_dim
        dtype = self.dtype_policy

        # === Layers ===
        self.embedding = CodeEmbedding(
            self.num_embeddings,
            self.hidden_dim,
            self.codes_per_position,
            dtype=dtype,
        )
        if self.num_classes is not None:
            self.label_embedding = keras.layers.Embedding(
                self.num_classes + 1, self.hidden_dim, dtype=dtype
            )
            self.label_embedding.build()
        if condition_dim is not None:
            self.condition_dim = check_int("condition_dim", condition_dim)
            self.condition_shape = (*self.position_shape, self.condition_dim)
            self.project_condition = keras.layers.Dense(
                self.hidden_dim, dtype=dtype
            )
            self.project_condition.build((None, *self.condition_shape))
        self.convs = [
            GatedMaskedConv(
                self.hidden_dim, first_kernel_size, "A", dtype=dtype
            ),
            *(
                GatedMaskedConv(self.hidden_dim, kernel_size, "B", dtype=dtype)
                for _ in range(self.num_layers - 1)
            ),
        ]
        shape = (None, *self.position_shape, self.hidden_dim)
        is_conditional = self.num_classes is not None or condition_dim
        for conv in self.convs:
            conv.build(
                (shape, shape),
                (None, 1, 1, self.hidden_dim) if is_conditional else None,
            )
        self.drop = keras.layers.Dropout(self.dropout, seed=seed, dtype=dtype)
        self.hidden = keras.layers.Dense(self.hidden_dim, "relu", dtype=dtype)
        self.hidden.build(shape)
        self.norms: list = []
        self.attentions: list = []
        self.built = True

    def add_attentions(self, count, num_heads):
        """Add self-attention after every `num_layers / count` convolutions.

        Args:
            count: int >= 1; must divide `num_layers`.
            num_heads: int >= 1.
        """
        check_int("num_attentions", count)
        if self.num_layers % count:
            raise ValueError(
                "`num_attentions` must divide `num_layers`. Received: "
                f"num_attentions={count} and num_layers={self.num_layers}"
            )
        self.norms = [
            keras.layers.LayerNormalization(
                epsilon=1e-5, dtype=self.dtype_policy
            )
            for _ in range(count)
        ]
        self.attentions = [
            CausalSelfAttention(
                num_heads,
                rotary_shape=self.position_shape,
                dtype=self.dtype_policy,
            )
            for _ in range(count)
        ]
        for layer in (*self.norms, *self.attentions):
            layer.build((None, self.num_positions, self.hidden_dim))

    def call(self, codes, conditioning=Conditioning(), training=False):
        x = self.embedding(codes)
        vertical, horizontal = x, x
        condition = self._condition_map(conditioning)
        for i, conv in enumerate(self.convs):
            vertical, horizontal = conv((vertical, horizontal), condition)
            block = self._attention_after(i)
            if block is not None:
                horizontal = self._attend(block, horizontal)
        return self._output(horizontal, training)

    def _attend(self, block, x):
        flat = ops.reshape(x, (-1, self.num_positions, self.hidden_dim))
        y = self.attentions[block](self.norms[block](flat))
        return x + ops.reshape(y, (-1, *x.shape[1:]))

    def _attention_after(self, i):
        """Index of the attention that follows convolution `i`, or None."""
        if not self.attentions:
            return None
        size = self.num_layers // len(self.attentions)
        return None if (i + 1) % size else i // size

    # === Generation, one position at a time ===

    def initial_state(self, batch_size, conditioning=Conditioning()):
        width = self.position_shape[1]
        state = {
            "row_caches": [
                conv.initial_row_cache(batch_size, width, self.hidden_dim)
                for conv in self.convs
            ],
            "features": [
                ops.zeros((batch_size, width, 2 * self.hidden_dim), "float32")
                for conv in self.convs
            ],
            "caches": self._initial_caches(batch_size),
            "attention_caches": [
                attention.initial_cache(batch_size, self.num_positions)
                for attention in self.attentions
            ],
        }
        condition = self._condition_map(conditioning)
        if condition is not None:
            state["condition"] = ops.cast(condition, "float32")
        return state

    def step(self, position, codes, state):
        width = self.position_shape[1]
        row, column = position // width, position % width
        per_row = {name: state[name] for name in _PER_ROW}
        per_row = ops.cond(
            column == 0,
            lambda: self._start_row(row, codes, state),
            lambda: per_row,
        )
        state = {**state, **per_row}
        left = self.embedding(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(column == 0, 0.0, ops.cast(left, "float32"))
        condition = self._condition_of_row(state, row)
        if condition is not None:
            condition = condition[:, 0, column if condition.shape[2] > 1 else 0]
        caches, attention_caches = [], []
        for i, conv in enumerate(self.convs):
            x, cache = conv.step(
                x,
                state["caches"][i],
                state["features"][i][:, column],
                condition,
            )
            caches.append(cache)
            block = self._attention_after(i)
            if block is not None:
                y = ops.cast(self.norms[block](x), "float32")
                y, cache = self.attentions[block].step(
                    y, state["attention_caches"][block], position
                )
                attention_caches.append(cache)
                x = x + y
        state |= {"caches": caches, "attention_caches": attention_caches}
        return self._output(x, training=False), state

    def _start_row(self, row, codes, state):
        maps = ops.reshape(codes, (-1, *self.code_shape))
        above = self.embedding(maps[:, ops.maximum(row - 1, 0)])[:, None]
        x = ops.where(row == 0, 0.0, ops.cast(above, "float32"))
        condition = self._condition_of_row(state, row)
        features, row_caches = [], []
        for conv, cache in zip(self.convs, state["row_caches"], strict=True):
            x, row_features, cache = conv.start_row(x, cache, condition)
            features.append(row_features[:, 0])
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

    # === Conditioning and output ===

    def _condition_map(self, conditioning):
        """Conditioning `(batch, height or 1, width or 1, dim)`, or None."""
        condition = conditioning.condition
        if self.condition_dim is not None:
            condition = self.project_condition(condition)
        if self.num_classes is None:
            return condition
        label = self.label_embedding(conditioning.labels)[:, None, None]
        return label if condition is None else label + condition

    def _condition_of_row(self, state, row):
        """Conditioning of a row, `(batch, 1, width or 1, dim)`, or None."""
        condition = state.get("condition")
        if condition is None or condition.shape[1] == 1:
            return condition
        return condition[:, row][:, None]

    def _output(self, x, training):
        x = self.hidden(self.drop(ops.relu(x), training=training))
        return ops.cast(x, "float32")
