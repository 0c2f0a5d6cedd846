"""A discriminator of patches (PatchGAN).

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
2017, section 3.2.2 and appendix 6.1.2.
"""

import keras

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_choice
from keras_vq.checks import check_input_shape
from keras_vq.checks import check_int
from keras_vq.layers import SyncBatchNormalization
from keras_vq.networks.convolution import convolution

NORMALIZATIONS = ("batch", None)


def patch_discriminator(
    input_shape,
    hidden_dim=64,
    num_layers=3,
    normalization="batch",
    dtype=None,
    name="discriminator",
):
    """Build a discriminator with a logit for each patch, high if it is real.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        hidden_dim: int, channels of the first convolution; each of the next
            doubles them, up to eightfold. Defaults to 64.
        num_layers: int, convolutions of stride 2. The receptive field of a
            logit is 70 pixels wide with 3 and 34 with 2. Defaults to 3.
        normalization: `"batch"`, a `keras_vq.layers.SyncBatchNormalization`,
            or None. Defaults to `"batch"`.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *size, channels)` to float32
        `(batch, *(size / 2 ** num_layers), 1)`.

    Raises:
        ValueError: If an argument is out of range or unknown.

    Example:

    >>> discriminator = keras_vq.networks.patch_discriminator(
    ...     (16, 16, 3), hidden_dim=8, num_layers=2)
    >>> discriminator(np.zeros((2, 16, 16, 3))).shape
    (2, 4, 4, 1)
    """
    check_input_shape(input_shape)
    check_int("hidden_dim", hidden_dim)
    check_int("num_layers", num_layers, 1, MAX_LAYERS)
    check_choice("normalization", normalization, NORMALIZATIONS)
    conv = convolution(input_shape, dtype)

    def activated(x):
        return keras.layers.LeakyReLU(0.2, dtype=dtype)(x)

    inputs = keras.Input(input_shape)
    x = activated(conv(hidden_dim, 4, strides=2)(inputs))
    for level in range(1, num_layers + 1):
        x = conv(
            hidden_dim * min(2**level, 8),
            4,
            strides=2 if level < num_layers else 1,
            use_bias=normalization is None,
        )(x)
        if normalization == "batch":
            # Equivalent to PyTorch's momentum of 0.1.
            x = SyncBatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype)(
                x
            )
        x = activated(x)
    outputs = conv(1, 4, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
