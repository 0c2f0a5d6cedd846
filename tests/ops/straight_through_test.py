import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.ops import straight_through
from tests.helpers import gradients
from tests.helpers import to_numpy


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_forward_is_bitwise_the_quantized_value(rng, dtype):
    z = ops.cast(rng.normal(size=(50, 8)), dtype)
    quantized = ops.cast(rng.normal(size=(50, 8)), dtype)
    out = straight_through(z, quantized)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    np.testing.assert_array_equal(to_numpy(out), to_numpy(quantized))


def test_gradient_reaches_z_unchanged_and_not_the_codes(rng):
    z = keras.Variable(rng.normal(size=(5, 3)), dtype="float32")
    quantized = keras.Variable(rng.normal(size=(5, 3)), dtype="float32")
    weight = ops.convert_to_tensor(rng.normal(size=(5, 3)), "float32")

    def loss():
        return ops.sum(weight * straight_through(1.0 * z, 1.0 * quantized))

    grad_z, grad_quantized = gradients(loss, [z, quantized])
    np.testing.assert_allclose(grad_z, to_numpy(weight), rtol=1e-6)
    assert grad_quantized is None or np.all(grad_quantized == 0)
