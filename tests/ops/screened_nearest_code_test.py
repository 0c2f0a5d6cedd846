"""The search at inference, with as many codes as it takes to be used."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import backend
from keras_vq.layers import VectorQuantizerEMA
from keras_vq.ops import nearest_code
from keras_vq.ops import screened_nearest_code
from tests.helpers import to_numpy

MODULE = sys.modules[screened_nearest_code.__module__]
K, DIM = MODULE.MANY + 5, 6


@pytest.fixture
def codes(rng):
    return rng.normal(size=(K, DIM)).astype("float32")


def exact(z, codes):
    """Indices in float64, and where they are no matter of rounding."""
    z, codes = z.astype("float64"), codes.astype("float64")
    scores = z @ codes.T - 0.5 * np.sum(codes**2, axis=-1)
    best = np.argmax(scores, axis=-1)
    two = np.partition(scores, -2, axis=-1)[:, -2:]
    return best, two[:, 1] - two[:, 0] > 1e-4


@pytest.fixture
def coarse_products(monkeypatch):
    """Products of bfloat16 factors, as a device might compute them."""

    def product(a, b):
        a, b = ops.cast(a, "bfloat16"), ops.cast(b, "bfloat16")
        return ops.matmul(ops.cast(a, "float32"), ops.cast(b, "float32"))

    monkeypatch.setattr(MODULE, "_product", product)


def test_equals_float64_where_rounding_decides_nothing(rng, codes):
    z = rng.normal(size=(150, 2, DIM)).astype("float32")
    expected, clear = exact(z.reshape(-1, DIM), codes)
    assert clear.mean() > 0.99
    lookup = keras.layers.Lambda(
        lambda z: screened_nearest_code(z, codes), output_shape=(2,)
    )
    model = keras.Sequential([keras.Input((2, DIM)), lookup])
    model.compile("sgd")  # a compiled step, of a batch size it is not told
    found = model.predict(z, batch_size=100, verbose=0)
    assert (found.shape, found.dtype) == ((150, 2), "int32")
    np.testing.assert_array_equal(found.ravel()[clear], expected[clear])


def test_coarse_products_change_no_answer(
    rng, codes, coarse_products, monkeypatch
):
    z = rng.normal(size=(300, DIM)).astype("float32")
    expected, clear = exact(z, codes)
    monkeypatch.setattr(backend, "product_roundoff", lambda: 2.0**-8)
    found = to_numpy(screened_nearest_code(z, codes))
    np.testing.assert_array_equal(found[clear], expected[clear])
    # It is the margin that does it.
    monkeypatch.setattr(backend, "product_roundoff", lambda: 0.0)
    found = to_numpy(screened_nearest_code(z, codes))
    assert np.any(found[clear] != expected[clear])


def test_ties_go_to_the_lowest_index(rng, codes):
    """Within a block, between blocks, and for more than are redone at once."""
    twins = [(3, 5), (10, 9000), (700, K - 1)]
    for low, high in twins:
        codes[high] = codes[low]
    z = np.tile(codes[[high for _, high in twins]], (100, 1))
    expected = np.tile([low for low, _ in twins], 100)
    assert len(z) > 2 * MODULE.AGAIN
    found = to_numpy(screened_nearest_code(z, codes))
    np.testing.assert_array_equal(found, expected)


def test_codes_that_hardly_differ_are_those_of_the_other_search(rng, codes):
    """Where rounding decides, it is the rounding of `nearest_code`."""
    centres = codes[::32].repeat(32, axis=0)[:K]
    codes = centres + 1e-6 * rng.normal(size=centres.shape).astype("float32")
    z = rng.normal(size=(300, DIM)).astype("float32")
    found = to_numpy(screened_nearest_code(z, codes))
    expected = to_numpy(nearest_code(z, codes))
    np.testing.assert_array_equal(found, expected)


def test_what_is_no_number_has_a_code_all_the_same(rng, codes):
    z = rng.normal(size=(4, DIM)).astype("float32")
    expected, _ = exact(z, codes)
    z[1], z[2, 0] = np.nan, np.inf
    found = to_numpy(screened_nearest_code(z, codes))
    np.testing.assert_array_equal(found[[0, 3]], expected[[0, 3]])
    assert found[1] == 0 <= found[2] < K


def test_an_empty_batch_has_no_codes(codes):
    z = np.zeros((0, 2, DIM), "float32")
    assert to_numpy(screened_nearest_code(z, codes)).shape == (0, 2)


def test_encoding_finds_the_codes_of_a_call(rng, codes, monkeypatch):
    layer = VectorQuantizerEMA(K, DIM)
    layer.assign_codes(codes)
    z = rng.normal(size=(2, 50, DIM)).astype("float32")
    expected = to_numpy(layer(z)["indices"])
    used = []
    monkeypatch.setattr(
        MODULE, "_product", lambda a, b: used.append(0) or ops.matmul(a, b)
    )
    found = to_numpy(layer.encode_to_indices(z))
    assert used
    np.testing.assert_array_equal(found, expected)
