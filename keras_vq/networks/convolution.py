"""Convolutions for one to three spatial axes, channels last."""

import keras

_CONVOLUTIONS = {
    1: keras.layers.Conv1D,
    2: keras.layers.Conv2D,
    3: keras.layers.Conv3D,
}


def convolution(input_shape, dtype):
    """Select the convolution for inputs of this rank, with `"same"` padding.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        dtype: dtype policy of the layers.

    Returns:
        A function of `(filters, kernel_size, **kwargs)` that returns a layer.
    """
    if len(input_shape) - 1 not in _CONVOLUTIONS:
        raise ValueError(
            "A convolution takes inputs (*size, channels) of one to three "
            f"spatial axes. Received: shape={tuple(input_shape)}"
        )
    layer = _CONVOLUTIONS[len(input_shape) - 1]

    def conv(filters, kernel_size, **kwargs):
        return layer(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            **{"dtype": dtype, **kwargs},
        )

    return conv
