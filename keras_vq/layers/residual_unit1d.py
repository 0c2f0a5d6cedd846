import keras

from keras_vq.checks import check_choice
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.layers.causal_conv1d import CausalConv1D
from keras_vq.layers.snake import Snake
from keras_vq.layers.streaming_layer import StreamingLayer
from keras_vq.saving.config import serializable

ACTIVATIONS = ("snake", "elu")


@serializable
class ResidualUnit1D(StreamingLayer):
    """A dilated convolution over time and a pointwise one, added to the input.

    ```
    x + pointwise(activation(dilated(activation(x))))
    ```

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        kernel_size: int >= 1, of the dilated convolution. Defaults to 7.
        dilation: int >= 1. Defaults to 1.
        activation: `"snake"` or `"elu"`. Defaults to `"snake"`.
        is_causal: bool, whether outputs do not depend on later inputs.
            Defaults to True.

    Call arguments:
        inputs: float tensor `(batch, length, channels)`.

    Returns:
        float tensor of the same shape.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras_vq.layers.ResidualUnit1D(dilation=3)
    >>> layer(np.ones((2, 20, 8))).shape
    (2, 20, 8)

    References:
        Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN,
        2023, appendix B.
    """

    def __init__(
        self,
        kernel_size=7,
        dilation=1,
        activation="snake",
        is_causal=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = check_int("kernel_size", kernel_size)
        self.dilation = check_int("dilation", dilation)
        self.activation = check_choice("activation", activation, ACTIVATIONS)
        self.is_causal = check_flag("is_causal", is_causal)
        self.can_stream = self.is_causal

    def build(self, input_shape):
        dtype, channels = self.dtype_policy, input_shape[-1]
        self.activations = [
            audio_activation(self.activation, dtype) for _ in range(2)
        ]
        self.dilated = conv1d(
            channels, self.kernel_size, self.dilation, self.is_causal, dtype
        )
        # At first the unit is the identity: a chain of them neither amplifies
        # the signal nor hides it.
        self.pointwise = keras.layers.Dense(
            channels, kernel_initializer="zeros", dtype=dtype
        )
        for layer in (*self.activations, self.dilated, self.pointwise):
            layer.build(input_shape)
        self.built = True

    def call(self, inputs):
        first, second = self.activations
        return inputs + self.pointwise(second(self.dilated(first(inputs))))

    def initial_context(self, batch_size):
        return self.dilated.initial_context(batch_size)

    def stream(self, inputs, context):
        first, second = self.activations
        x, context = self.dilated.stream(first(inputs), context)
        return inputs + self.pointwise(second(x)), context

    def compute_output_shape(self, input_shape):
        return input_shape


def audio_activation(name, dtype):
    """The layer of an activation of `ACTIVATIONS`."""
    if name == "snake":
        return Snake(dtype=dtype)
    return keras.layers.Activation(name, dtype=dtype)


def conv1d(filters, kernel_size, dilation, is_causal, dtype):
    """A convolution over time, causal or centred."""
    if is_causal:
        return CausalConv1D(filters, kernel_size, dilation, dtype=dtype)
    return keras.layers.Conv1D(
        filters,
        kernel_size,
        padding="same",
        dilation_rate=dilation,
        data_format="channels_last",
        dtype=dtype,
    )
