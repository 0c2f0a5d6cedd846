import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import MAX_KERNEL
from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.saving.config import serializable


@serializable
class CausalConv3D(backend.LayerMixin, keras.layers.Conv3D):
    """Convolution of video whose frames depend on no later ones.

    Time is padded with zeros at the start alone, height and width on all
    sides: the first frame is convolved as an image is, and with strides of
    time, each other output stands for the last of the frames that it sees.

    Args:
        filters: int, number of output channels.
        kernel_size: tuple of three int.
        strides: tuple of three int, each at most the kernel's; the kernel's
            height and width minus theirs are even or 1. Defaults to `(1, 1,
            1)`.
        **kwargs: Keyword arguments of `keras.layers.Conv3D` but `padding` and
            `dilation_rate`.

    Call arguments:
        inputs: float tensor `(batch, frames, height, width, channels)`.

    Returns:
        float tensor `(batch, ceil(frames / strides), height // strides, width
        // strides, filters)`.

    Raises:
        ValueError: If a size is not a positive integer, or a stride is larger
            than the kernel.

    Example:

    >>> layer = keras_vq.layers.CausalConv3D(4, (3, 4, 4), (2, 2, 2))
    >>> layer(np.ones((1, 5, 8, 8, 3))).shape
    (1, 3, 4, 4, 4)

    References:
        Yu et al., Language Model Beats Diffusion: Tokenizer is Key to Visual
        Generation, 2024, section 3.2.
    """

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), **kwargs):
        kernel_size = check_shape("kernel_size", kernel_size, ranks=(3,))
        strides = check_shape("strides", strides, ranks=(3,))
        for size, stride in zip(kernel_size, strides, strict=True):
            check_int("kernel_size", size, stride, MAX_KERNEL)
        if "dilation_rate" in kwargs or "padding" in kwargs:
            raise ValueError(
                "A CausalConv3D has no dilation and its own padding. Received: "
                f"{sorted(kwargs)}"
            )
        super().__init__(
            check_int("filters", filters),
            kernel_size,
            strides,
            data_format="channels_last",
            **kwargs,
        )

    def call(self, inputs):
        time, *_ = self.kernel_size
        pads = [(0, 0), (time - 1, 0)]
        for size, stride in zip(self.kernel_size[1:], self.strides[1:]):
            around = size - stride
            pads.append((around // 2, around - around // 2))
        return super().call(ops.pad(inputs, [*pads, (0, 0)]))

    def compute_output_shape(self, input_shape):
        batch, time, *size, _ = input_shape
        after, *strides = self.strides
        time = None if time is None else -(-time // after)
        size = (
            None if n is None else n // stride
            for n, stride in zip(size, strides, strict=True)
        )
        return (batch, time, *size, self.filters)

    def get_config(self):
        config = super().get_config()
        for name in ("padding", "data_format", "dilation_rate"):
            config.pop(name)
        return config
