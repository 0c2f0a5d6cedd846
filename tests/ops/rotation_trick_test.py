import keras
import numpy as np
from keras import ops

from keras_vq.ops import rotation_trick
from keras_vq.ops import l2_normalize
from tests.helpers import assert_close
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import rotation as reference


def gradient_at(z, codes, upstream):
    z, codes = keras.Variable(z), keras.Variable(codes)

    def loss():
        return ops.sum(ops.multiply(upstream, rotation(1.0 * z, 1.0 * codes)))

    grad_z, grad_codes = gradients(loss, [z, codes])
    assert grad_codes is None or not np.any(grad_codes)
    return grad_z


def test_forward_is_the_code_to_the_bit_and_gradient_the_reference(rng):
    z, codes, upstream = rng.normal(size=(3, 20, 4)).astype("float32")
    np.testing.assert_array_equal(to_numpy(rotation(z, codes)), codes)
    expected = reference.gradient(
        *(x.astype("float64") for x in (z, codes, upstream))
    )
    assert_close(gradient_at(z, codes, upstream), expected)


def test_without_an_angle_the_gradient_is_copied_or_finite(rng):
    """Zero on either side; then a code straight behind its vector."""
    z = np.array([[0, 0], [1, 2], [1, 0]], "float32")
    codes = np.array([[1, 3], [0, 0], [-2, 0]], "float32")
    upstream = rng.normal(size=(3, 2)).astype("float32")
    found = gradient_at(z, codes, upstream)
    np.testing.assert_allclose(found[:2], upstream[:2], rtol=1e-6)
    np.testing.assert_allclose(
        found[2], 2 * upstream[2] * [-1, 1], rtol=1e-5, atol=1e-6
    )


def test_unit_vectors_and_their_gradient_at_zero(rng):
    x = rng.normal(size=(5, 3)).astype("float32")
    x[0] = 0
    variable = keras.Variable(x)
    found = to_numpy(l2_normalize(x))
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=1), [0, 1, 1, 1, 1], rtol=1e-6
    )
    (grad,) = gradients(
        lambda: ops.sum(l2_normalize(1.0 * variable)), [variable]
    )
    assert np.isfinite(grad).all()
    np.testing.assert_array_equal(grad[0], 1)
