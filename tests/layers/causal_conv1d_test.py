import keras
import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import to_numpy


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (2, 3), (3, 2)])
def test_call_and_steps_equal_the_formula(kernel_size, dilation, rng):
    layer = layers.CausalConv1D(4, kernel_size, dilation)
    x = rng.normal(size=(2, 9, 3)).astype("float32")
    layer.build(x.shape)
    kernel = rng.normal(size=layer.kernel.shape).astype("float32")
    layer.kernel.assign(kernel)
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    expected = np.tile([1.0, 2.0, 3.0, 4.0], (2, 9, 1))
    for t in range(9):
        for tap in range(kernel_size):
            if t - tap * dilation >= 0:
                earlier = x[:, t - tap * dilation]
                expected[:, t] += earlier @ kernel[kernel_size - 1 - tap]
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-4)
    cache = layer.initial_cache(2)
    for t in range(9):
        found, cache = layer.step(
            keras.ops.convert_to_tensor(x[:, t]), cache, t
        )
        np.testing.assert_allclose(to_numpy(found), expected[:, t], atol=1e-4)


def test_chunks_must_fit_the_strides():
    layer = layers.CausalConv1D(2, 4, strides=2)
    layer.build((None, None, 3))
    with pytest.raises(ValueError, match=r"multiple of 2.*\(1, 3, 3\)"):
        layer.stream(np.zeros((1, 3, 3), "float32"), layer.initial_context(1))
    with pytest.raises(ValueError, match="strides=2 and dilation=3"):
        layers.CausalConv1D(2, 4, 3, strides=2)


@pytest.mark.parametrize("name", ["filters", "kernel_size", "dilation"])
def test_bad_sizes(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*{name}=0"):
        layers.CausalConv1D(**{"filters": 2, name: 0})
