"""The search at inference, with enough codes for it to be used."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import backend
from keras_vq.layers import VectorQuantizerEMA
from keras_vq.ops import nearest_code
from keras_vq.ops import screened_nearest_code
from tests.helpers import run

MODULE = sys.modules[screened_nearest_code.__module__]
K, DIM = MODULE.MIN_CODES + 5, 6


@pytest.fixture
def codes(rng):
    return rng.normal(size=(K, DIM)).astype("float32")


def exact(z, codes):
    """Indices in float64, and which of them rounding cannot change."""
    z, codes = z.astype("float64"), codes.astype("float64")
    scores = z @ codes.T - 0.5 * np.sum(codes**2, axis=-1)
    best = np.argmax(scores, axis=-1)
    two = np.partition(scores, -2, axis=-1)[:, -2:]
    return best, two[:, 1] - two[:, 0] > 1e-4


@pytest.fixture
def coarse_products(monkeypatch):
    """Products of bfloat16 factors, as some devices compute them."""

    def product(a, b):
        a, b = ops.cast(a, "bfloat16"), ops.cast(b, "bfloat16")
        return ops.matmul(ops.cast(a, "float32"), ops.cast(b, "float32"))

    monkeypatch.setattr(MODULE, "_product", product)


def test_equals_float64_where_rounding_cannot_matter(rng, codes):
    z = rng.normal(size=(150, 2, DIM)).astype("float32")
    expected, clear = exact(z.reshape(-1, DIM), codes)
    assert clear.mean() > 0.99
    lookup = keras.layers.Lambda(
        lambda z: screened_nearest_code(z, codes), output_shape=(2,)
    )
    model = keras.Sequential([keras.Input((2, DIM)), lookup])
    model.compile("sgd")  # a compiled step of unknown batch size
    found = model.predict(z, batch_size=100, verbose=0)
    assert (found.shape, found.dtype) == ((150, 2), "int32")
    np.testing.assert_array_equal(found.ravel()[clear], expected[clear])


def test_coarse_products_change_no_answer(
    rng, codes, coarse_products, monkeypatch
):
    z = rng.normal(size=(300, DIM)).astype("float32")
    expected, clear = exact(z, codes)
    monkeypatch.setattr(backend, "product_roundoff", lambda: 2.0**-8)
    found = run(screened_nearest_code, z, codes)
    np.testing.assert_array_equal(found[clear], expected[clear])
    # Without the margin answers change.
    monkeypatch.setattr(backend, "product_roundoff", lambda: 0.0)
    found = run(screened_nearest_code, z, codes)
    assert np.any(found[clear] != expected[clear])


def test_ties_go_to_the_lowest_index(rng, codes):
    """Within and between blocks, for more vectors than one repeated search."""
    twins = [(3, 5), (10, 9000), (700, K - 1)]
    for low, high in twins:
        codes[high] = codes[low]
    z = np.tile(codes[[high for _, high in twins]], (100, 1))
    expected = np.tile([low for low, _ in twins], 100)
    assert len(z) > 2 * MODULE.RETRY_SIZE
    found = run(screened_nearest_code, z, codes)
    np.testing.assert_array_equal(found, expected)


def test_nearly_equal_codes_are_decided_as_by_nearest_code(rng, codes):
    centres = codes[::32].repeat(32, axis=0)[:K]
    codes = centres + 1e-6 * rng.normal(size=centres.shape).astype("float32")
    z = rng.normal(size=(300, DIM)).astype("float32")
    found = run(screened_nearest_code, z, codes)
    expected = run(nearest_code, z, codes)
    np.testing.assert_array_equal(found, expected)


def test_nan_and_infinity_get_valid_codes(rng, codes):
    z = rng.normal(size=(4, DIM)).astype("float32")
    expected, _ = exact(z, codes)
    z[1], z[2, 0] = np.nan, np.inf
    found = run(screened_nearest_code, z, codes)
    np.testing.assert_array_equal(found[[0, 3]], expected[[0, 3]])
    assert found[1] == 0 <= found[2] < K


def test_empty_batches(codes):
    z = np.zeros((0, 2, DIM), "float32")
    assert run(screened_nearest_code, z, codes).shape == (0, 2)


def test_encoding_finds_the_codes_of_a_call(rng, codes, monkeypatch):
    layer = VectorQuantizerEMA(K, DIM)
    layer.assign_codes(codes)
    z = rng.normal(size=(2, 50, DIM)).astype("float32")
    expected = run(layer, z)["indices"]
    used = []
    monkeypatch.setattr(
        MODULE, "_product", lambda a, b: used.append(0) or ops.matmul(a, b)
    )
    found = run(layer.encode_to_indices, z, variables=layer.variables)
    assert used
    np.testing.assert_array_equal(found, expected)
