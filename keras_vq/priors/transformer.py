import math

import keras
import numpy as np
from keras import layers
from keras import ops

from keras_vq.layers import TransformerBlock
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.priors.autoregressive_prior import AutoregressivePrior

_POSITIONS = ("learned", "rotary")


@keras.saving.register_keras_serializable(package="keras_vq")
class Transformer(AutoregressivePrior):
    """A GPT of codes, in raster order, of any number of axes.

    The sequence starts with the label, or a learned start where there are
    none; what comes out at a position are the logits of the code that follows.
    Drawing keeps keys and values of what has been drawn.

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
        **kwargs: `label_dropout`, `seed`, `name` and others of
            `keras_vq.priors.Prior`.

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

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.2.
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
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.positions = positions
        self.tie_weights = tie_weights
        self.dropout = dropout
        self.length = math.prod(self.code_shape)
        dtype = self.dtype_policy

        def embedding(number):
            layer = layers.Embedding(
                number,
                hidden_dim,
                embeddings_initializer=keras.initializers.RandomNormal(
                    stddev=0.02
                ),
                dtype=dtype,
            )
            layer.build()
            return layer

        self.embed = embedding(num_embeddings)
        self.embed_label = embedding(
            self.num_label_embeddings if num_classes else 1
        )
        self.embed_axes = []
        if positions == "learned":
            self.embed_axes = [embedding(n) for n in self.code_shape]
        self.blocks = [
            TransformerBlock(
                num_heads,
                intermediate_dim or 4 * hidden_dim,
                dropout,
                self.code_shape if positions == "rotary" else None,
                dtype=dtype,
            )
            for _ in range(num_layers)
        ]
        self.norm = layers.LayerNormalization(epsilon=1e-5, dtype="float32")
        shape = (None, self.length, hidden_dim)
        for layer in (*self.blocks, self.norm):
            layer.build(shape)
        if not tie_weights:
            self.to_logits = layers.Dense(num_embeddings, dtype="float32")
            self.to_logits.build(shape)
        self.built = True

    def logits_of(self, codes, labels, training):
        batch_size = ops.shape(codes)[0]
        x = self.embed(ops.reshape(codes, (-1, self.length))[:, :-1])
        start = self._start(batch_size, labels)[:, None]
        x = ops.concatenate([ops.cast(start, x.dtype), x], axis=1)
        if self.embed_axes:
            x += ops.cast(self._places(), x.dtype)
        for block in self.blocks:
            x = block(x, training=training)
        logits = self._logits(x)
        shape = (-1, *self.code_shape, self.num_embeddings)
        return ops.reshape(logits, shape)

    def initial_state(self, batch_size, labels):
        state = {
            "start": ops.cast(self._start(batch_size, labels), "float32"),
            "caches": [
                block.initial_cache(batch_size, self.length)
                for block in self.blocks
            ],
        }
        if self.embed_axes:
            state["places"] = self._places()
        return state

    def next_logits(self, position, codes, state):
        before = self.embed(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(
            position == 0, state["start"], ops.cast(before, "float32")
        )
        if self.embed_axes:
            x += state["places"][position]
        caches = []
        for block, cache in zip(self.blocks, state["caches"], strict=True):
            x, cache = block.step(x, cache, position)
            caches.append(cache)
        return self._logits(x), {**state, "caches": caches}

    def _start(self, batch_size, labels):
        """What comes in at the first position, `(batch, hidden_dim)`."""
        if labels is None:
            labels = ops.zeros((batch_size,), "int32")
        return self.embed_label(labels)

    def _places(self):
        """The learned vectors of all positions, `(length, hidden_dim)`."""
        grid = np.indices(self.code_shape).reshape(len(self.code_shape), -1)
        return sum(
            ops.cast(embed(places), "float32")
            for embed, places in zip(self.embed_axes, grid, strict=True)
        )

    def _logits(self, x):
        x = self.norm(x)
        if not self.tie_weights:
            return self.to_logits(x)
        embeddings = ops.cast(self.embed.embeddings, "float32")
        return ops.matmul(x, ops.transpose(embeddings))

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
        }
