import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.layers.code_embedding import CodeEmbedding
from keras_vq.saving.config import serializable

# Length of the vector of sines and cosines of a time.
_TIME_DIM = 256


@serializable
class LabelTimeEmbedding(backend.LayerMixin, keras.layers.Layer):
    """Embeds a class label and a time in one vector, their sum.

    Args:
        dim: int >= 1, length of the vector.
        num_classes: int or None, number of classes; the label `num_classes`
            means "no label". None for no labels. Defaults to None.
        takes_time: bool, whether there is a time. Defaults to True.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        labels: int tensor `(batch,)`; zeros without classes.
        time: float tensor `(batch,)` in [0, 1] if `takes_time`. Defaults to
            None.

    Returns:
        float tensor `(batch, dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras_vq.layers.LabelTimeEmbedding(32, num_classes=10)
    >>> layer(np.array([3, 7]), np.array([0.0, 1.0])).shape
    (2, 32)

    References:
        Dhariwal and Nichol, Diffusion Models Beat GANs on Image Synthesis,
        2021, section 3.
    """

    def __init__(self, dim, num_classes=None, takes_time=True, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self.dim = check_int("dim", dim)
        if num_classes is not None:
            num_classes = check_int("num_classes", num_classes)
        self.num_classes = num_classes
        self.takes_time = check_flag("takes_time", takes_time)
        # Without classes, "no label" is the only label.
        self.label_embedding = CodeEmbedding(
            (num_classes or 0) + 1, self.dim, 1, 0.02, dtype=self.dtype_policy
        )
        if self.takes_time:
            self.hidden = keras.layers.Dense(
                self.dim, activation="silu", dtype=self.dtype_policy
            )
            self.hidden.build((None, _TIME_DIM))
            self.outputs = keras.layers.Dense(self.dim, dtype=self.dtype_policy)
            self.outputs.build((None, self.dim))
        self.built = True

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def call(self, labels, time=None):
        vector = self.label_embedding(labels)
        if self.takes_time:
            waves = ops.cast(_waves(time), vector.dtype)
            vector = vector + self.outputs(self.hidden(waves))
        return vector

    def compute_output_shape(self, labels_shape, *args, **kwargs):
        return (*labels_shape, self.dim)


def _waves(time):
    """Sines and cosines of a time in [0, 1], `(batch, _TIME_DIM)`."""
    half = _TIME_DIM // 2
    frequencies = 1000.0 * 10000.0 ** (-np.arange(half) / half)
    time = ops.cast(time, "float32")[:, None]
    angles = ops.multiply(time, frequencies.astype("float32"))
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)
