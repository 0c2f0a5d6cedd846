import math

import keras
import numpy as np
from keras import ops

from keras_vq.checks import check_choice
from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.layers import CodeEmbedding
from keras_vq.layers import TransformerBlock
from keras_vq.networks.causal_network import CausalNetwork
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable


@serializable
class Transformer(CausalNetwork):
    """A GPT over codes in raster order, on grids with any number of axes.

    The sequence consists of the codes of the condition, if there is one, then
    the label or a learned start token, then the codes; the output at a
    position predicts the code that follows. `step` caches the keys and values
    of earlier positions.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        codes_per_position: int >= 1; see `CausalNetwork`. Defaults to 1.
        num_layers: int >= 1, number of blocks. Defaults to 6.
        num_heads: int >= 1; must divide `hidden_dim`. Defaults to 4.
        hidden_dim: int >= 2, channels. Defaults to 256.
        intermediate_dim: int or None, width of the blocks' hidden layers; None
            for `4 * hidden_dim`. Defaults to None.
        positions: `"learned"`, a learned vector per coordinate of each axis,
            summed and added to the inputs; or `"rotary"`, rotary embeddings of
            each axis. Defaults to `"learned"`.
        tie_weights: bool, whether to compute the logits with the code
            embeddings. Defaults to False.
        dropout: float in [0, 1), dropout rate in the blocks. Defaults to 0.0.
        condition_shape: tuple of int or None, shape of the codes of a
            condition, such as a segmentation, a depth map or a low-resolution
            image. Defaults to None, no condition.
        num_condition_embeddings: int or None, number of codes of the
            condition. Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *position_shape, hidden_dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.Transformer(
    ...     (4, 4), 16, num_layers=2, hidden_dim=32
    ... )
    >>> network(np.zeros((2, 4, 4), int)).shape
    (2, 4, 4, 32)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, sections 3.2 and 3.3.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        codes_per_position=1,
        num_layers=6,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=None,
        positions="learned",
        tie_weights=False,
        dropout=0.0,
        condition_shape=None,
        num_condition_embeddings=None,
        **kwargs,
    ):
        super().__init__(
            code_shape,
            num_embeddings,
            num_classes,
            codes_per_position,
            **kwargs,
        )
        self.num_layers = check_int("num_layers", num_layers)
        self.num_heads = check_int("num_heads", num_heads)
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        if intermediate_dim is not None:
            intermediate_dim = check_int("intermediate_dim", intermediate_dim)
        self.intermediate_dim = intermediate_dim
        self.positions = check_choice(
            "positions", positions, ("learned", "rotary")
        )
        self.tie_weights = tie_weights
        self.dropout = dropout
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. Received: num_heads="
                f"{num_heads} and hidden_dim={hidden_dim}"
            )
        if tie_weights and self.codes_per_position > 1:
            raise ValueError(
                "`tie_weights` needs one code per position. Received: "
                f"codes_per_position={codes_per_position}"
            )
        self._set_condition(condition_shape, num_condition_embeddings)
        self.features_dim = self.hidden_dim
        self.prefix_length = math.prod(self.condition_shape or (0,))
        self.length = self.prefix_length + self.num_positions
        dtype = self.dtype_policy

        # === Layers ===
        def embedding(number, codes_per_position=1):
            return CodeEmbedding(
                number, self.hidden_dim, codes_per_position, 0.02, dtype=dtype
            )

        is_learned = positions == "learned"
        self.embedding = embedding(self.num_embeddings, self.codes_per_position)
        self.tied_embedding = self.embedding if tie_weights else None
        # The last label means "no label"; without classes, it is the only one.
        self.label_embedding = embedding((self.num_classes or 0) + 1)
        self.axis_embeddings = [
            embedding(n) for n in self.position_shape if is_learned
        ]
        if self.condition_shape is not None:
            self.condition_embedding = embedding(self.num_condition_embeddings)
            self.condition_axis_embeddings = [
                embedding(n) for n in self.condition_shape if is_learned
            ]
        self.blocks = [
            TransformerBlock(
                self.num_heads,
                self.intermediate_dim or 4 * self.hidden_dim,
                dropout,
                None if is_learned else self.position_shape,
                None if is_learned else self.condition_shape,
                dtype=dtype,
            )
            for _ in range(self.num_layers)
        ]
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype="float32"
        )
        shape = (None, self.length, self.hidden_dim)
        for layer in (*self.blocks, self.norm):
            layer.build(shape)
        self.built = True

    def _set_condition(self, shape, num_embeddings):
        if (shape is None) != (num_embeddings is None):
            raise ValueError(
                "`condition_shape` and `num_condition_embeddings` must be "
                f"given together. Received: condition_shape={shape} and "
                f"num_condition_embeddings={num_embeddings}"
            )
        if shape is None:
            return
        self.condition_shape = check_shape("condition_shape", shape)
        self.num_condition_embeddings = check_int(
            "num_condition_embeddings", num_embeddings
        )
        if self.positions == "rotary" and len(shape) != len(
            self.position_shape
        ):
            raise ValueError(
                "With rotary positions the condition must have as many axes as "
                f"the codes. Received: condition_shape={self.condition_shape} "
                f"and code_shape={self.code_shape}"
            )

    def call(self, codes, conditioning=Conditioning(), training=False):
        flat = ops.reshape(
            codes, (-1, self.num_positions, self.codes_per_position)
        )
        flat = flat if self.codes_per_position > 1 else flat[..., 0]
        start = self._start(ops.shape(codes)[0], conditioning)[:, None]
        x = ops.concatenate([start, self.embedding(flat[:, :-1])], axis=1)
        if self.axis_embeddings:
            x += ops.cast(_grid_vectors(self.axis_embeddings), x.dtype)
        if self.condition_shape is not None:
            prefix = self._prefix(conditioning.condition)
            x = ops.concatenate([prefix, x], axis=1)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.norm(x[:, self.prefix_length :])
        return ops.reshape(x, (-1, *self.position_shape, self.hidden_dim))

    def initial_state(self, batch_size, conditioning=Conditioning()):
        start = self._start(batch_size, conditioning)
        state = {
            "start": ops.cast(start, "float32"),
            "caches": self._initial_caches(batch_size, conditioning.condition),
        }
        if self.axis_embeddings:
            state["positions"] = _grid_vectors(self.axis_embeddings)
        return state

    def _initial_caches(self, batch_size, condition):
        """Keys and values of the condition, then zeros."""
        if self.condition_shape is None:
            return [
                block.initial_cache(batch_size, self.length)
                for block in self.blocks
            ]
        x, caches = self._prefix(condition), []
        for block in self.blocks:
            x, cache = block.start(x, self.length)
            caches.append(cache)
        return caches

    def step(self, position, codes, state):
        previous = self.embedding(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(
            position == 0, state["start"], ops.cast(previous, "float32")
        )
        if self.axis_embeddings:
            x += state["positions"][position]
        caches = []
        for block, cache in zip(self.blocks, state["caches"], strict=True):
            x, cache = block.step(x, cache, self.prefix_length + position)
            caches.append(cache)
        return self.norm(x), {**state, "caches": caches}

    def _start(self, batch_size, conditioning):
        """The input at the first position, `(batch, hidden_dim)`."""
        labels = conditioning.labels
        if self.num_classes is None:
            labels = ops.zeros((batch_size,), "int32")
        return self.label_embedding(labels)

    def _prefix(self, condition):
        """The inputs for the codes of a condition, `(batch, m, hidden_dim)`."""
        x = self.condition_embedding(
            ops.reshape(condition, (-1, self.prefix_length))
        )
        if self.condition_axis_embeddings:
            vectors = _grid_vectors(self.condition_axis_embeddings)
            x += ops.cast(vectors, x.dtype)
        return x


def _grid_vectors(embeddings):
    """Sums of the vectors of each axis, `(length, hidden_dim)`, float32."""
    shape = [embedding.num_embeddings for embedding in embeddings]
    grid = np.indices(shape).reshape(len(shape), -1)
    return sum(
        ops.cast(embedding(coordinates), "float32")
        for embedding, coordinates in zip(embeddings, grid, strict=True)
    )
