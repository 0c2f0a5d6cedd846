import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_flag
from keras_vq.checks import check_shape
from keras_vq.saving.config import serializable


@serializable
class TransposedConv(backend.LayerMixin, keras.layers.Layer):
    """Doubles spatial axes with a transposed convolution of width 4.

    This is the upsampling layer of the VQ-VAE decoder, for audio, images or
    video: the rank of the input selects the convolution. It is equivalent to
    Keras's `Conv{1,2,3}DTranspose(filters, 4, strides=2, padding="same")`, but
    uses the fastest implementation on each backend. Along axes that are not
    doubled, the width is 1.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, number of output channels.
        activation: Activation function. Defaults to None.
        strides: tuple of 1 or 2 for each spatial axis, or None to double all.
            Defaults to None.
        is_causal: bool, whether the first axis, if doubled, is the time of
            causal video: n frames become 2 n - 1, of which frames 2 i - 1 and
            2 i depend on those up to i. Defaults to False.

    Call arguments:
        inputs: float tensor `(batch, *size, channels)`, one to three spatial
            axes.

    Returns:
        float tensor `(batch, *(strides * size), filters)`.

    Raises:
        ValueError: If `strides` are others.

    Example:

    >>> layer = keras_vq.layers.TransposedConv(3)
    >>> layer(np.ones((1, 8, 8, 16))).shape
    (1, 16, 16, 3)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 4.1.
    """

    def __init__(
        self, filters, activation=None, strides=None, is_causal=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = keras.activations.get(activation)
        self.strides = strides
        if strides is not None:
            self.strides = check_shape("strides", strides)
            if not set(self.strides) <= {1, 2} or 2 not in self.strides:
                raise ValueError(
                    "`strides` must be 1 or 2 for each axis, and 2 for one. "
                    f"Received: strides={self.strides}"
                )
        self.is_causal = check_flag("is_causal", is_causal)

    def build(self, input_shape):
        rank = len(input_shape) - 2
        if self.strides is not None and len(self.strides) != rank:
            raise ValueError(
                f"`strides` must have one number for each of {rank} axes. "
                f"Received: strides={self.strides}"
            )
        doubled, _ = self._axes(rank)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(4,) * len(doubled) + (self.filters, input_shape[-1]),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )
        self.built = True

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        doubled, others = self._axes(len(inputs.shape) - 2)
        if not others:
            outputs = backend.conv_transpose(inputs, kernel)
        else:
            outputs = self._folded(inputs, kernel, doubled, others)
        outputs = self.activation(outputs + self.bias)
        is_shortened = self.is_causal and 1 in doubled
        return outputs[:, :-1] if is_shortened else outputs

    def _axes(self, rank):
        """Spatial axes that are doubled, and the others."""
        strides = self.strides or (2,) * rank
        axes = range(1, rank + 1)
        return (
            [axis for axis, s in zip(axes, strides, strict=True) if s == 2],
            [axis for axis, s in zip(axes, strides, strict=True) if s == 1],
        )

    def _folded(self, inputs, kernel, doubled, others):
        """The convolution along some axes, with the others in the batch."""
        order = [0, *others, *doubled, len(inputs.shape) - 1]
        x = ops.transpose(inputs, order)
        sizes = ops.shape(inputs)
        kept = [sizes[axis] for axis in others]
        size = [sizes[axis] for axis in doubled]
        x = ops.reshape(x, (-1, *size, inputs.shape[-1]))
        x = backend.conv_transpose(x, kernel)
        shape = (-1, *kept, *(2 * n for n in size), self.filters)
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return ops.transpose(ops.reshape(x, shape), inverse)

    def compute_output_shape(self, input_shape):
        size = list(input_shape[1:-1])
        doubled, _ = self._axes(len(size))
        for axis in doubled:
            if size[axis - 1] is not None:
                size[axis - 1] *= 2
                size[axis - 1] -= self.is_causal and axis == 1
        return (input_shape[0], *size, self.filters)
