import math

import keras

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.layers import CodeEmbedding
from keras_vq.networks.adaptive_transformer import AdaptiveTransformer
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable


@serializable
class DenoisingTransformer(backend.LayerMixin, keras.layers.Layer):
    """A transformer that predicts all codes at once from corrupted ones.

    A corrupted code may be another code or the mask, whose index is
    `num_embeddings`.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes, num_layers, num_heads, hidden_dim, intermediate_dim,
            dropout, condition_shape, takes_time: Arguments of the blocks; see
            `keras_vq.networks.AdaptiveTransformer`.
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
        self.num_codes = math.prod(self.code_shape)
        dtype = self.dtype_policy
        self.transformer = AdaptiveTransformer(
            self.code_shape,
            num_classes,
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout,
            condition_shape,
            takes_time,
            dtype=dtype,
        )
        self.num_classes = self.transformer.num_classes
        self.num_layers = self.transformer.num_layers
        self.num_heads = self.transformer.num_heads
        self.hidden_dim = self.transformer.hidden_dim
        self.intermediate_dim = self.transformer.intermediate_dim
        self.dropout = self.transformer.dropout
        self.condition_shape = self.transformer.condition_shape
        self.takes_time = self.transformer.takes_time
        self.embedding = CodeEmbedding(
            self.num_embeddings + 1, hidden_dim, 1, 0.02, dtype=dtype
        )
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
        x = self.embedding(codes)
        x = self.transformer(x, conditioning, time, training=training)
        return self.logits(x)

    def compute_output_shape(self, codes_shape, *args, **kwargs):
        return (codes_shape[0], *self.code_shape, self.num_embeddings)
