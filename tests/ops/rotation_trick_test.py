import keras
import numpy as np
from keras import ops

from keras_vq.ops import l2_normalize
from keras_vq.ops import rotation_trick
from tests.helpers import assert_close
from tests.helpers import gradients
from tests.helpers import run
from tests.reference import rotation_trick as reference


def gradient_at(z, codes, upstream):
    z, codes = keras.Variable(z), keras.Variable(codes)

    def loss():
        output = rotation_trick(1.0 * z, 1.0 * codes)
        return ops.sum(ops.multiply(upstream, output))

    grad_z, grad_codes = gradients(loss, [z, codes])
    assert grad_codes is None or not np.any(grad_codes)
    return grad_z


def test_forward_is_bitwise_the_code_and_gradient_equals_the_reference(rng):
    z, codes, upstream = rng.normal(size=(3, 20, 4)).astype("float32")
    np.testing.assert_array_equal(run(rotation_trick, z, codes), codes)
    expected = reference.gradient(
        *(x.astype("float64") for x in (z, codes, upstream))
    )
    assert_close(gradient_at(z, codes, upstream), expected)


def test_without_an_angle_the_gradient_is_copied_or_finite(rng):
    """Zero vector, zero code, and a code opposite to its vector."""
    z = np.array([[0, 0], [1, 2], [1, 0]], "float32")
    codes = np.array([[1, 3], [0, 0], [-2, 0]], "float32")
    upstream = rng.normal(size=(3, 2)).astype("float32")
    found = gradient_at(z, codes, upstream)
    np.testing.assert_allclose(found[:2], upstream[:2], rtol=1e-6)
    np.testing.assert_allclose(
        found[2], 2 * upstream[2] * [-1, 1], rtol=1e-5, atol=1e-6
    )


def test_normalized_vectors_have_length_one_and_finite_gradients(rng):
    x = rng.normal(size=(5, 3)).astype("float32")
    x[0] = 0
    variable = keras.Variable(x)
    np.testing.assert_allclose(
        np.linalg.norm(run(l2_normalize, x), axis=1), [0, 1, 1, 1, 1], 1e-6
    )
    (grad,) = gradients(
        lambda: ops.sum(l2_normalize(1.0 * variable)), [variable]
    )
    assert np.isfinite(grad).all()
    np.testing.assert_array_equal(grad[0], 1)
