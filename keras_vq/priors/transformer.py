import math

import keras
import numpy as np
from keras import layers
from keras import ops

from keras_vq.layers import TransformerBlock
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.priors.autoregressive_prior import AutoregressivePrior
from keras_vq.priors.code_embedding import CodeEmbedding

_POSITIONS = ("learned", "rotary")
_OUTPUT = "categorical"


@keras.saving.register_keras_serializable(package="keras_vq")
class Transformer(AutoregressivePrior):
    """A GPT of codes, in raster order, of any number of axes.

    The sequence is that of the codes of a condition, if there is one, the label
    or a learned start, and the codes; what comes out at a position is what is
    known of the code that follows. Drawing keeps keys and values of what has
    been drawn. `keras_vq.priors.SlidingWindow` draws larger maps with it.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        num_layers: int >= 1, transformer blocks. Defaults to 6.
        num_heads: int >= 1, divides `hidden_dim`. Defaults to 4.
        hidden_dim: int >= 2, channels. Defaults to 256.
        intermediate_dim: int or None, width of the blocks' hidden layers; None
            for `4 * hidden_dim`. Defaults to None.
        positions: `"learned"`, a vector for each place along each axis, summed
            and added to the inputs, or `"rotary"`, queries and keys that turn
            by the place along each axis. Defaults to `"learned"`.
        tie_weights: bool, whether the logits are products with the codes'
            embeddings. Defaults to False.
        dropout: float in [0, 1), in the blocks. Defaults to 0.0.
        condition_shape: tuple of int or None, shape of codes that it is told
            with each example: a segmentation's, a depth map's, those of a
            small picture. Defaults to None.
        num_condition_embeddings: int or None, number of the codes of that
            condition. Defaults to None.
        **kwargs: `depth`, `output`, `label_dropout`, `seed`, `name` and others
            of `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> prior = keras_vq.priors.Transformer(
    ...     (4, 4), 16, num_classes=10, num_layers=2, hidden_dim=32
    ... )
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], top_p=0.9, seed=0).shape
    (2, 4, 4)

    Told another map of codes, of a segmentation, say:

    >>> prior = keras_vq.priors.Transformer(
    ...     (4, 4), 16, condition_shape=(2, 2), num_condition_embeddings=8
    ... )
    >>> prior.compile("adam")
    >>> condition = np.random.randint(8, size=(8, 2, 2))
    >>> history = prior.fit((codes, condition), verbose=0)
    >>> prior.generate(8, condition=condition, temperature=0).shape
    (8, 4, 4)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, sections 3.2 and 3.3.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
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
        super().__init__(code_shape, num_embeddings, num_classes, **kwargs)
        check_sizes(
            None,
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
        )
        if intermediate_dim is not None:
            check_sizes(None, intermediate_dim=intermediate_dim)
        if positions not in _POSITIONS:
            raise ValueError(
                f"`positions` must be one of {', '.join(_POSITIONS)}. "
                f"Received: positions={positions!r}"
            )
        if hidden_dim % num_heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. Received: num_heads="
                f"{num_heads} and hidden_dim={hidden_dim}"
            )
        self._check_condition_arguments(
            condition_shape, num_condition_embeddings, positions
        )
        if tie_weights and (self.depth > 1 or self.output_kind != _OUTPUT):
            raise ValueError(
                "`tie_weights` needs one code a position and categorical "
                f"output. Received: depth={self.depth} and "
                f"output={self.output_kind!r}"
            )
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.positions = positions
        self.tie_weights = tie_weights
        self.dropout = dropout
        if condition_shape is not None:
            self.condition_shape = tuple(condition_shape)
            self.num_condition_embeddings = num_condition_embeddings
        self.prefix_length = math.prod(self.condition_shape or (0,))
        self.length = self.prefix_length + self.num_positions
        dtype = self.dtype_policy

        def embedding(number, depth=1):
            return CodeEmbedding(number, hidden_dim, depth, 0.02, dtype=dtype)

        self.embed = embedding(num_embeddings, self.depth)
        self.embed_label = embedding(
            self.num_label_embeddings if num_classes else 1
        )
        is_learned = positions == "learned"
        self.embed_axes = [
            embedding(n) for n in self.position_shape if is_learned
        ]
        if condition_shape is not None:
            self.embed_condition = embedding(num_condition_embeddings)
            self.embed_condition_axes = [
                embedding(n) for n in condition_shape if is_learned
            ]
        self.blocks = [
            TransformerBlock(
                num_heads,
                intermediate_dim or 4 * hidden_dim,
                dropout,
                None if is_learned else self.position_shape,
                None if is_learned else self.condition_shape,
                dtype=dtype,
            )
            for _ in range(num_layers)
        ]
        self.norm = layers.LayerNormalization(epsilon=1e-5, dtype="float32")
        shape = (None, self.length, hidden_dim)
        for layer in (*self.blocks, self.norm):
            layer.build(shape)
        self.code_head = self.make_head(
            hidden_dim, self.embed if tie_weights else None
        )
        self.built = True

    def _check_condition_arguments(self, shape, num_embeddings, positions):
        if (shape is None) != (num_embeddings is None):
            raise ValueError(
                "`condition_shape` and `num_condition_embeddings` go together. "
                f"Received: condition_shape={shape} and "
                f"num_condition_embeddings={num_embeddings}"
            )
        if shape is None:
            return
        for size in (*shape, num_embeddings):
            check_sizes(None, condition=size)
        if positions == "rotary" and len(shape) != len(self.position_shape):
            raise ValueError(
                "With rotary positions the condition must have as many axes as "
                f"the codes. Received: condition_shape={tuple(shape)} and "
                f"code_shape={self.code_shape}"
            )

    def features_of(self, codes, labels, training, condition=None):
        shape = ops.shape(codes)
        flat = ops.reshape(codes, (-1, self.num_positions, self.depth))
        flat = flat if self.depth > 1 else flat[..., 0]
        start = self._start(shape[0], labels)[:, None]
        x = ops.concatenate([start, self.embed(flat[:, :-1])], axis=1)
        if self.embed_axes:
            x += ops.cast(_places(self.embed_axes), x.dtype)
        if condition is not None:
            x = ops.concatenate([self._prefix(condition), x], axis=1)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.norm(x[:, self.prefix_length :])
        return ops.reshape(x, (-1, *self.position_shape, self.hidden_dim))

    def initial_state(self, batch_size, labels, condition=None):
        state = {
            "start": ops.cast(self._start(batch_size, labels), "float32"),
            "caches": self._initial_caches(batch_size, condition),
        }
        if self.embed_axes:
            state["places"] = _places(self.embed_axes)
        return state

    def _initial_caches(self, batch_size, condition):
        """Keys and values of the condition, zeros for the positions after."""
        if condition is None:
            return [
                block.initial_cache(batch_size, self.length)
                for block in self.blocks
            ]
        x, caches = self._prefix(condition), []
        for block in self.blocks:
            x, cache = block.start(x, self.length)
            caches.append(cache)
        return caches

    def next_features(self, position, codes, state):
        before = self.embed(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(
            position == 0, state["start"], ops.cast(before, "float32")
        )
        if self.embed_axes:
            x += state["places"][position]
        caches = []
        for block, cache in zip(self.blocks, state["caches"], strict=True):
            x, cache = block.step(x, cache, self.prefix_length + position)
            caches.append(cache)
        return self.norm(x), {**state, "caches": caches}

    def _start(self, batch_size, labels):
        """What comes in at the first position, `(batch, hidden_dim)`."""
        if labels is None:
            labels = ops.zeros((batch_size,), "int32")
        return self.embed_label(labels)

    def _prefix(self, condition):
        """What the codes of the condition come in as, `(batch, m, dim)`."""
        x = self.embed_condition(
            ops.reshape(condition, (-1, self.prefix_length))
        )
        if self.embed_condition_axes:
            x += ops.cast(_places(self.embed_condition_axes), x.dtype)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "positions": self.positions,
            "tie_weights": self.tie_weights,
            "dropout": self.dropout,
            "condition_shape": self.condition_shape,
            "num_condition_embeddings": self.num_condition_embeddings,
        }


def _places(embeddings):
    """The sum of learned vectors of each axis, `(length, hidden_dim)`."""
    shape = [embed.num_embeddings for embed in embeddings]
    grid = np.indices(shape).reshape(len(shape), -1)
    return sum(
        ops.cast(embed(places), "float32")
        for embed, places in zip(embeddings, grid, strict=True)
    )
