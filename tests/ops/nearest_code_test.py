import keras
import numpy as np
import pytest

from keras_vq import backend
from keras_vq.ops import nearest_code
from scripts import bench_quantizers
from tests.helpers import run
from tests.reference import vector_quantizer as reference


@pytest.mark.parametrize("memory_limit", [None, 4 * 40 * 7, 1])
def test_equals_the_reference_loop_for_every_tile_size(rng, memory_limit):
    z = rng.normal(size=(40, 5)).astype("float32")
    embeddings = rng.normal(size=(33, 5)).astype("float32")
    found = run(nearest_code, z, embeddings, memory_limit=memory_limit)
    assert found.dtype == "int32"
    np.testing.assert_array_equal(found, reference.nearest(z, embeddings))


def test_batches_of_unknown_size_are_tiled(rng):
    """With 64 scores at a time, tiles of vectors and of codes overlap."""
    embeddings = rng.normal(size=(33, 5)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Lambda(
                lambda z: nearest_code(z, embeddings, memory_limit=4 * 64),
                output_shape=(),
            ),
        ]
    )
    model.compile("sgd")
    step = backend.jit(model, model)
    for rows in (0, 3, 40):
        z = rng.normal(size=(rows, 5)).astype("float32")
        expected = reference.nearest(z, embeddings)
        found = keras.ops.convert_to_numpy(step(z))
        np.testing.assert_array_equal(found, expected)
    found = model.predict(z, batch_size=rows, verbose=0)
    np.testing.assert_array_equal(found, expected)


def test_nan_and_infinity_get_valid_codes(rng):
    embeddings = rng.normal(size=(33, 5)).astype("float32")
    z = rng.normal(size=(4, 5)).astype("float32")
    expected = reference.nearest(z, embeddings)
    z[1], z[2, 0], expected[1:3] = np.nan, np.inf, 0
    found = run(nearest_code, z, embeddings)
    np.testing.assert_array_equal(found[[0, 1, 3]], expected[[0, 1, 3]])
    assert 0 <= found[2] < 33
    embeddings[7] = np.nan
    np.testing.assert_array_equal(run(nearest_code, z, embeddings), 0)


@pytest.mark.parametrize("memory_limit", [None, 4 * 3 * 2])
def test_ties_go_to_the_lowest_index(memory_limit):
    embeddings = np.array([[9, 9], [1, 0], [1, 0], [1, 0], [0, 1]], "float32")
    z = np.array([[1, 0], [0.9, 0.1], [0, 1]], "float32")
    found = run(nearest_code, z, embeddings, memory_limit=memory_limit)
    np.testing.assert_array_equal(found, [1, 1, 4])


def test_vectors_halfway_between_codes_take_the_first(rng):
    """Whole and half numbers, whose distances are exact in float32."""
    embeddings = rng.integers(-3, 4, size=(9, 2)).astype("float32")
    z = rng.integers(-7, 8, size=(500, 2)).astype("float32") / 2
    assert np.mean(reference.gap(z, embeddings) == 0) > 0.1
    found = run(nearest_code, z, embeddings)
    np.testing.assert_array_equal(found, reference.nearest(z, embeddings))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_every_dtype_is_searched_in_float32(rng, dtype):
    embeddings = rng.normal(size=(1024, 8)).astype("float32")
    z = keras.ops.cast(rng.normal(size=(300, 8)), dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(z, "float32"))
    clear = reference.gap(exact, embeddings) > 1e-4
    assert clear.mean() > 0.95
    found = run(nearest_code, z, embeddings)
    expected = reference.nearest(exact, embeddings)
    np.testing.assert_array_equal(found[clear], expected[clear])


def test_a_common_offset_costs_no_precision(rng):
    embeddings = rng.normal(size=(256, 8))
    z = rng.normal(size=(500, 8))
    clear = reference.gap(z, embeddings) > 1e-2
    expected = reference.nearest(z, embeddings)
    found = run(
        nearest_code,
        (z + 3000).astype("float32"),
        (embeddings + 3000).astype("float32"),
    )
    np.testing.assert_array_equal(found[clear], expected[clear])


@pytest.mark.parametrize("shape", [(3, 0, 4), (2, 3, 5, 4)])
def test_any_rank_and_empty_batches(rng, shape):
    embeddings = rng.normal(size=(7, 4)).astype("float32")
    z = rng.normal(size=shape).astype("float32")
    found = run(nearest_code, z, embeddings)
    assert found.shape == shape[:-1]
    expected = reference.nearest(z.reshape(-1, 4), embeddings)
    np.testing.assert_array_equal(found.ravel(), expected)


def test_a_step_needs_the_memory_of_a_tile_only():
    """At most half a gigabyte; all scores together would take two."""
    step = bench_quantizers.ours((8192, 65_536, 16))["step"]
    assert 2**20 < bench_quantizers.peak_memory_of(step) < 2**29
