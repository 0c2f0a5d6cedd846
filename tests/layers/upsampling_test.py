import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import SubpixelConv
from keras_vq.layers import TransposedConv
from tests.helpers import gradients
from tests.helpers import to_numpy

SIZES = pytest.mark.parametrize("size", [(5,), (3, 4), (2, 3, 2), (1, 1)])


@SIZES
def test_transposed_conv_equals_keras_forward_and_backward(rng, size):
    layers = keras.layers
    theirs = {1: layers.Conv1DTranspose, 2: layers.Conv2DTranspose}.get(
        len(size), layers.Conv3DTranspose
    )(6, 4, strides=2, padding="same", data_format="channels_last")
    ours = TransposedConv(6)
    x = keras.Variable(rng.normal(size=(2, *size, 3)), dtype="float32")
    ours.build(x.shape)
    theirs.build(x.shape)
    ours.bias.assign(rng.normal(size=6))
    theirs.set_weights(ours.get_weights())
    weight = rng.normal(size=(2, *(2 * n for n in size), 6)).astype("float32")

    def results(layer):
        def loss():
            outputs = layer(ops.convert_to_tensor(x))
            return ops.sum(ops.multiply(weight, outputs))

        output = to_numpy(layer(ops.convert_to_tensor(x)))
        return [output, *gradients(loss, [x, layer.kernel, layer.bias])]

    for a, b in zip(results(ours), results(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@SIZES
def test_subpixel_conv_interleaves_groups_of_channels(rng, size):
    layer = SubpixelConv(2)
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    rank = len(size)
    layer.build(x.shape)
    # A kernel that looks at its own position only: channel c of the output
    # at offset o is x[0] * group + c.
    kernel = np.zeros(layer.kernel.shape)
    kernel[(1,) * rank + (0,)] = np.arange(1, 2**rank * 2 + 1)
    layer.kernel.assign(kernel)
    output = to_numpy(layer(x))
    assert output.shape == (2, *(2 * n for n in size), 2)
    for position in np.ndindex(*size):
        for group, offset in enumerate(np.ndindex(*(2,) * rank)):
            place = tuple(2 * p + o for p, o in zip(position, offset))
            for channel in range(2):
                factor = 2 * group + channel + 1
                np.testing.assert_allclose(
                    output[(0, *place, channel)],
                    factor * x[(0, *position, 0)],
                    rtol=1e-5,
                )
