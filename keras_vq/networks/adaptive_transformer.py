import math

import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_shape
from keras_vq.layers import AdaptiveTransformerBlock
from keras_vq.layers import Attention
from keras_vq.layers import CodeEmbedding
from keras_vq.layers import LabelTimeEmbedding
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable


@serializable
class AdaptiveTransformer(backend.LayerMixin, keras.layers.Layer):
    """The blocks of a transformer that sees all positions of a grid at once.

    Adds position embeddings, one per axis. Label, time and a summary of the
    condition, such as the vectors of a text encoder, steer the blocks by
    adaptive layer normalization; the condition itself enters each block by
    cross-attention.

    Args:
        grid: tuple of int, shape of the positions.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        num_layers: int >= 1, number of blocks. Defaults to 6.
        num_heads: int >= 1; must divide `hidden_dim`. Defaults to 4.
        hidden_dim: int >= 2, channels. Defaults to 256.
        intermediate_dim: int or None, width of the blocks' hidden layers; None
            for `4 * hidden_dim`. Defaults to None.
        dropout: float in [0, 1), dropout rate in the blocks. Defaults to 0.0.
        condition_shape: tuple of two int or None, length and channels of the
            sequence of vectors that conditions the network. Defaults to None.
        takes_time: bool, whether it is called with a time. Defaults to False.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor `(batch, *grid, hidden_dim)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        time: float tensor `(batch,)` in [0, 1] if `takes_time`. Defaults to
            None.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *grid, hidden_dim)`, normalized.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras_vq.networks.AdaptiveTransformer(
    ...     (4, 4), num_layers=2, hidden_dim=32)
    >>> layer(np.ones((2, 4, 4, 32))).shape
    (2, 4, 4, 32)

    References:
        Peebles and Xie, Scalable Diffusion Models with Transformers, 2023,
        section 3.2.
    """

    def __init__(
        self,
        grid,
        num_classes=None,
        num_layers=6,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=None,
        dropout=0.0,
        condition_shape=None,
        takes_time=False,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        self.grid = check_shape("grid", grid)
        self.num_layers = check_int("num_layers", num_layers)
        self.num_heads = check_int("num_heads", num_heads)
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        if intermediate_dim is not None:
            check_int("intermediate_dim", intermediate_dim)
        self.intermediate_dim = intermediate_dim
        self.dropout = check_number("dropout", dropout, at_least=0, below=1)
        self.condition_shape = check_sequence(condition_shape)
        self.takes_time = check_flag("takes_time", takes_time)
        dtype = self.dtype_policy
        self.axis_embeddings = [
            CodeEmbedding(n, self.hidden_dim, 1, 0.02, dtype=dtype)
            for n in self.grid
        ]
        self.conditioning_embedding = LabelTimeEmbedding(
            self.hidden_dim, num_classes, self.takes_time, dtype=dtype
        )
        self.num_classes = self.conditioning_embedding.num_classes
        if self.condition_shape is not None:
            self.summary = Attention(self.num_heads, dtype=dtype)
            self.summary.build(
                (None, 1, self.hidden_dim), (None, *self.condition_shape)
            )
        self.blocks = [
            AdaptiveTransformerBlock(
                self.num_heads,
                self.intermediate_dim or 4 * self.hidden_dim,
                self.dropout,
                dtype=dtype,
            )
            for _ in range(self.num_layers)
        ]
        shape = (None, math.prod(self.grid), self.hidden_dim)
        for block in self.blocks:
            block.build(
                shape,
                (None, self.hidden_dim),
                self.condition_shape and (None, *self.condition_shape),
            )
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype="float32"
        )
        self.norm.build(shape)
        self.built = True

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def call(
        self, inputs, conditioning=Conditioning(), time=None, training=False
    ):
        length = math.prod(self.grid)
        x = ops.reshape(inputs, (-1, length, self.hidden_dim))
        x = ops.cast(x, self.compute_dtype)
        coordinates = np.indices(self.grid).reshape(len(self.grid), length)
        for embedding, along in zip(
            self.axis_embeddings, coordinates, strict=True
        ):
            x = x + embedding(along)
        labels = conditioning.labels
        if self.num_classes is None:
            labels = ops.zeros(ops.shape(x)[:1], "int32")
        vector = self.conditioning_embedding(labels, time)
        context = conditioning.condition
        if context is not None:
            context = ops.cast(context, x.dtype)
            vector = vector + self.summary(vector[:, None], context)[:, 0]
        for block in self.blocks:
            x = block(x, vector, context, training=training)
        return ops.reshape(self.norm(x), (-1, *self.grid, self.hidden_dim))

    def compute_output_shape(self, inputs_shape, *args, **kwargs):
        return inputs_shape


def check_sequence(condition_shape):
    """Check the shape of a sequence of vectors, or None, and return it."""
    if condition_shape is None:
        return None
    condition_shape = check_shape("condition_shape", condition_shape)
    if len(condition_shape) != 2:
        raise ValueError(
            "`condition_shape` must be the length and the channels of a "
            f"sequence of vectors. Received: condition_shape={condition_shape}"
        )
    return condition_shape
