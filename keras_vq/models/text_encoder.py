import keras
import numpy as np
from keras import ops
from keras import random

from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.layers import CodeEmbedding
from keras_vq.networks import AdaptiveTransformer
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.model import Model

# Printable ASCII; 0 stands for no character.
_FIRST, _LAST = " ", "~"
_NUM_CHARACTERS = ord(_LAST) - ord(_FIRST) + 2


@serializable
class TextEncoder(Model):
    """A small transformer that encodes text, character by character.

    It is trained to fill in masked characters, and its features, a vector for
    each character, condition a prior by cross-attention. For short texts such
    as the captions of `scenes`; the features of any other encoder serve as
    well.

    Args:
        max_length: int >= 1, characters of the longest text. Defaults to 64.
        num_layers: int >= 1, number of blocks. Defaults to 2.
        num_heads: int >= 1; must divide `hidden_dim`. Defaults to 4.
        hidden_dim: int >= 2, length of a vector. Defaults to 64.
        mask_share: float in (0, 1), share of the characters that are masked in
            training. Defaults to 0.3.
        seed: int or None, seed of the masks. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        characters: int tensor `(batch, max_length)`, from `characters`.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, max_length, hidden_dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> encoder = keras_vq.models.TextEncoder(max_length=16, hidden_dim=32)
    >>> encoder.compile("adam")
    >>> texts = ["a red cone", "a blue sphere"]
    >>> history = encoder.fit(encoder.characters(texts), verbose=0)
    >>> encoder.encode(texts).shape
    (2, 16, 32)

    References:
        Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers
        for Language Understanding, 2019, section 3.1.
    """

    def __init__(
        self,
        max_length=64,
        num_layers=2,
        num_heads=4,
        hidden_dim=64,
        mask_share=0.3,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.max_length = check_int("max_length", max_length)
        self.mask_share = check_number(
            "mask_share", mask_share, above=0, below=1
        )
        self.transformer = AdaptiveTransformer(
            (self.max_length,),
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            dtype=self.dtype_policy,
        )
        self.num_layers = self.transformer.num_layers
        self.num_heads = self.transformer.num_heads
        self.hidden_dim = self.transformer.hidden_dim
        self.embedding = CodeEmbedding(  # the last one is the mask
            _NUM_CHARACTERS + 1, self.hidden_dim, 1, dtype=self.dtype_policy
        )
        self.logits = keras.layers.Dense(_NUM_CHARACTERS, dtype="float32")
        self.logits.build((None, self.hidden_dim))
        self.seed = check_seed(seed)
        self.seed_generator = random.SeedGenerator(self.seed)
        self.track("loss", "accuracy")

    @property
    def condition_shape(self):
        """tuple of int, shape of the vectors of one text."""
        return (self.max_length, self.hidden_dim)

    def call(self, characters, training=False):
        x = self.embedding(ops.cast(characters, "int32"))
        return self.transformer(x, training=training)

    def losses_of(self, x, labels, training):
        characters = ops.cast(x, "int32")
        seed = self.seed_generator if training else 0
        noise = random.uniform(ops.shape(characters), seed=seed)
        is_masked = noise < self.mask_share
        visible = ops.where(is_masked, _NUM_CHARACTERS, characters)
        logits = self.logits(self(visible, training=training))
        log_probs = ops.log_softmax(logits, axis=-1)
        found = ops.take_along_axis(log_probs, characters[..., None], axis=-1)
        hits = ops.equal(ops.argmax(logits, axis=-1), characters)
        return {
            "loss": -masked_mean(found[..., 0], is_masked),
            "accuracy": masked_mean(hits, is_masked),
        }

    def characters(self, texts):
        """Convert texts to what the model is trained on.

        Args:
            texts: list of str, or one str.

        Returns:
            NumPy int32 array `(n, max_length)`.

        Raises:
            ValueError: If a text is too long, or has other characters than
                printable ASCII.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        codes = np.zeros((len(texts), self.max_length), "int32")
        for row, text in zip(codes, texts, strict=True):
            if not isinstance(text, str):
                raise ValueError(
                    f"A TextEncoder takes texts. Received: {text!r} of type "
                    f"{type(text).__name__}"
                )
            if len(text) > self.max_length:
                raise ValueError(
                    f"This TextEncoder takes up to {self.max_length} "
                    f"characters. Received: {len(text)} in {text!r}"
                )
            for i, character in enumerate(text):
                if not _FIRST <= character <= _LAST:
                    raise ValueError(
                        "A TextEncoder takes printable ASCII characters. "
                        f"Received: {character!r} in {text!r}"
                    )
                row[i] = ord(character) - ord(_FIRST) + 1
        return codes

    def encode(self, texts, batch_size=32):
        """Encode texts, in compiled batches.

        Args:
            texts: list of str, or one str.
            batch_size: int, texts per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, max_length, hidden_dim)`.

        Raises:
            ValueError: If a text does not fit; see `characters`.
        """
        codes = self.characters(texts)
        return in_batches(self.jit(self.encode_step), [codes], batch_size)

    def encode_step(self, characters):
        """`encode` of one batch of characters, as tensors."""
        return self(characters)

    def limits(self):
        return (_NUM_CHARACTERS,)

    def check_first_batch(self, batch, labels):
        if batch.ndim != 2 or batch.shape[1] != self.max_length:
            raise ValueError(
                "A TextEncoder is trained on characters(texts), of shape "
                f"{(None, self.max_length)}. Received: shape={batch.shape}"
            )
