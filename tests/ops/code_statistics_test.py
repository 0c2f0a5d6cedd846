import numpy as np

from keras_vq.ops import code_counts
from keras_vq.ops import code_sums
from tests.helpers import to_numpy


def test_counts_and_sums_equal_a_loop(rng):
    indices = rng.integers(0, 6, size=(4, 5)).astype("int32")
    vectors = rng.normal(size=(4, 5, 3)).astype("float32")
    counts, sums = np.zeros(6), np.zeros((6, 3))
    for k, vector in zip(indices.ravel(), vectors.reshape(-1, 3), strict=True):
        counts[k] += 1
        sums[k] += vector
    np.testing.assert_array_equal(to_numpy(code_counts(indices, 6)), counts)
    np.testing.assert_allclose(
        to_numpy(code_sums(vectors, indices, 6)), sums, rtol=1e-5, atol=1e-6
    )


def test_nothing_counts_as_zero():
    indices = np.zeros((0,), "int32")
    np.testing.assert_array_equal(
        to_numpy(code_counts(indices, 3)), np.zeros(3)
    )
    sums = to_numpy(code_sums(np.zeros((0, 2), "float32"), indices, 3))
    np.testing.assert_array_equal(sums, np.zeros((3, 2)))
