import keras
from keras import ops

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class Snake(backend.LayerMixin, keras.layers.Layer):
    """The periodic activation `x + sin(alpha * x)**2 / alpha`, for audio.

    `alpha`, a frequency for each channel, is learned from 1.

    Call arguments:
        x: float tensor `(batch, ..., channels)`.

    Returns:
        float tensor of the same shape.

    Example:

    >>> layer = keras_vq.layers.Snake()
    >>> layer(np.zeros((2, 10, 8))).shape
    (2, 10, 8)

    References:
        Ziyin et al., Neural Networks Fail to Learn Periodic Functions and How
        to Fix It, 2020, equation 2.
    """

    def build(self, input_shape):
        self.alpha = self.add_weight(
            name="alpha", shape=(input_shape[-1],), initializer="ones"
        )
        self.built = True

    def call(self, x):
        alpha = ops.cast(ops.convert_to_tensor(self.alpha), x.dtype)
        return x + ops.square(ops.sin(alpha * x)) / (alpha + 1e-6)

    def compute_output_shape(self, input_shape):
        return input_shape
