import math

import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.layers import AdaptiveTransformerBlock
from keras_vq.layers import CodeEmbedding
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable

# Length of the vector of sines and cosines of a time.
_TIME_DIM = 256


@serializable
class DenoisingTransformer(backend.LayerMixin, keras.layers.Layer):
    """A transformer that predicts all codes at once from corrupted ones.

    Every position sees every other. A corrupted code may be another code or
    the mask, whose index is `num_embeddings`. Label and time steer the blocks
    by adaptive layer normalization; a condition, such as the vectors of a text
    encoder, enters by cross-attention.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        num_layers: int >= 1, number of blocks. Defaults to 6.
        num_heads: int >= 1; must divide `hidden_dim`. Defaults to 4.
        hidden_dim: int >= 2, channels. Defaults to 256.
        intermediate_dim: int or None, width of the blocks' hidden layers; None
            for `4 * hidden_dim`. Defaults to None.
        dropout: float in [0, 1), dropout rate in the blocks. Defaults to 0.0.
        condition_shape: tuple of two int or None, length and channels of the
            sequence of vectors that conditions the codes. Defaults to None.
        takes_time: bool, whether the network is called with a time. Defaults
            to False.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)` of values up to
            `num_embeddings`, the mask.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        time: float tensor `(batch,)` in [0, 1] if `takes_time`. Defaults to
            None.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *code_shape, num_embeddings)`, logits of the
        codes before the corruption.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> network = keras_vq.networks.DenoisingTransformer(
    ...     (4, 4), 16, num_layers=2, hidden_dim=32
    ... )
    >>> network(np.full((2, 4, 4), 16)).shape
    (2, 4, 4, 16)

    References:
        Chang et al., MaskGIT: Masked Generative Image Transformer, 2022,
        section 3.1.
        Gu et al., Vector Quantized Diffusion Model for Text-to-Image
        Synthesis, 2022, section 4.3.
    """

    # Of a condition that consists of codes; here it consists of floats.
    num_condition_embeddings = None

    def __init__(
        self,
        code_shape,
        num_embeddings,
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
        self.code_shape = check_shape("code_shape", code_shape)
        self.num_embeddings = check_int("num_embeddings", num_embeddings, 2)
        if num_classes is not None:
            num_classes = check_int("num_classes", num_classes)
        self.num_classes = num_classes
        self.num_layers = check_int("num_layers", num_layers)
        self.num_heads = check_int("num_heads", num_heads)
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        if intermediate_dim is not None:
            intermediate_dim = check_int("intermediate_dim", intermediate_dim)
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        if condition_shape is not None:
            condition_shape = check_shape("condition_shape", condition_shape)
            if len(condition_shape) != 2:
                raise ValueError(
                    "`condition_shape` must be the length and the channels of "
                    "a sequence of vectors. Received: condition_shape="
                    f"{condition_shape}"
                )
        self.condition_shape = condition_shape
        self.takes_time = takes_time
        self.num_codes = math.prod(self.code_shape)
        dtype = self.dtype_policy

        # === Layers ===
        def embedding(number):
            return CodeEmbedding(number, self.hidden_dim, 1, 0.02, dtype=dtype)

        def dense(units, inputs):
            layer = keras.layers.Dense(units, dtype=dtype)
            layer.build((None, inputs))
            return layer

        self.embedding = embedding(self.num_embeddings + 1)  # with the mask
        # The last label means "no label"; without classes, it is the only one.
        self.label_embedding = embedding((self.num_classes or 0) + 1)
        self.axis_embeddings = [embedding(n) for n in self.code_shape]
        if takes_time:
            self.time_layers = [
                dense(self.hidden_dim, _TIME_DIM),
                dense(self.hidden_dim, self.hidden_dim),
            ]
        self.blocks = [
            AdaptiveTransformerBlock(
                self.num_heads,
                self.intermediate_dim or 4 * self.hidden_dim,
                dropout,
                dtype=dtype,
            )
            for _ in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(
                (None, self.num_codes, self.hidden_dim),
                (None, self.hidden_dim),
                condition_shape and (None, *condition_shape),
            )
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype="float32"
        )
        self.norm.build((None, self.num_codes, self.hidden_dim))
        # All codes are equally probable at first.
        self.logits = keras.layers.Dense(
            self.num_embeddings, kernel_initializer="zeros", dtype="float32"
        )
        self.logits.build((None, self.hidden_dim))
        self.built = True

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def call(
        self, codes, conditioning=Conditioning(), time=None, training=False
    ):
        x = self.embedding(ops.reshape(codes, (-1, self.num_codes)))
        for embedding, coordinates in zip(
            self.axis_embeddings,
            np.indices(self.code_shape).reshape(len(self.code_shape), -1),
            strict=True,
        ):
            x = x + embedding(coordinates)
        vector = self._vector(ops.shape(codes)[0], conditioning.labels, time)
        context = conditioning.condition
        if context is not None:
            context = ops.cast(context, x.dtype)
        for block in self.blocks:
            x = block(x, vector, context, training=training)
        logits = self.logits(self.norm(x))
        return ops.reshape(logits, (-1, *self.code_shape, self.num_embeddings))

    def _vector(self, batch_size, labels, time):
        """The embedding of label and time, `(batch, hidden_dim)`."""
        if self.num_classes is None:
            labels = ops.zeros((batch_size,), "int32")
        vector = self.label_embedding(labels)
        if self.takes_time:
            first, second = self.time_layers
            waves = ops.cast(_waves(time), vector.dtype)
            vector = vector + second(ops.silu(first(waves)))
        return vector

    def compute_output_shape(self, codes_shape, *args, **kwargs):
        return (codes_shape[0], *self.code_shape, self.num_embeddings)


def _waves(time):
    """Sines and cosines of a time in [0, 1], `(batch, _TIME_DIM)`."""
    half = _TIME_DIM // 2
    frequencies = 1000.0 * 10000.0 ** (-np.arange(half) / half)
    time = ops.cast(time, "float32")[:, None]
    angles = ops.multiply(time, frequencies.astype("float32"))
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)
