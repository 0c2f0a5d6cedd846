"""Convolutions for one to three spatial axes, channels last."""

import keras

from keras_vq.layers import CausalConv3D

_CONVOLUTIONS = {
    1: keras.layers.Conv1D,
    2: keras.layers.Conv2D,
    3: keras.layers.Conv3D,
}


def convolution(input_shape, dtype, is_causal=False):
    """Select the convolution for inputs of this rank, with `"same"` padding.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        dtype: dtype policy of the layers.
        is_causal: bool, whether frames of a video do not depend on later ones.
            Defaults to False.

    Returns:
        A function of `(filters, kernel_size, **kwargs)` that returns a layer.

    Raises:
        ValueError: If there are more axes, or a causal convolution is not of
            video.
    """
    if len(input_shape) - 1 not in _CONVOLUTIONS:
        raise ValueError(
            "A convolution takes inputs (*size, channels) of one to three "
            f"spatial axes. Received: shape={tuple(input_shape)}"
        )
    layer = _CONVOLUTIONS[len(input_shape) - 1]
    if is_causal:
        if len(input_shape) != 4:
            raise ValueError(
                "Convolutions are causal for video, (frames, height, width, "
                "channels). Received: is_causal=True for shape="
                f"{tuple(input_shape)}"
            )

        def causal(filters, kernel_size, **kwargs):
            if isinstance(kernel_size, int):
                kernel_size = (kernel_size,) * 3
            return CausalConv3D(
                filters, kernel_size, **{"dtype": dtype, **kwargs}
            )

        return causal

    def conv(filters, kernel_size, **kwargs):
        return layer(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            **{"dtype": dtype, **kwargs},
        )

    return conv


def halvings(factors):
    """Strides of the layers that downsample each axis by powers of two.

    Args:
        factors: tuple of int, downsampling of each axis.

    Returns:
        list of tuples of 1 or 2: axes that are halved less often than others
        are halved last.
    """
    counts = [factor.bit_length() - 1 for factor in factors]
    most = max(counts)
    return [
        tuple(2 if most - layer <= count else 1 for count in counts)
        for layer in range(most)
    ]
