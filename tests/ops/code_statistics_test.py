import numpy as np

from keras_vq.ops import code_counts
from keras_vq.ops import code_sums
from tests.helpers import run


def statistics(vectors, indices, num_embeddings):
    return run(
        lambda vectors, indices: (
            code_counts(indices, num_embeddings),
            code_sums(vectors, indices, num_embeddings),
        ),
        vectors,
        indices,
    )


def test_counts_and_sums_equal_a_loop(rng):
    indices = rng.integers(0, 6, size=(4, 5)).astype("int32")
    vectors = rng.normal(size=(4, 5, 3)).astype("float32")
    counts, sums = np.zeros(6), np.zeros((6, 3))
    for k, vector in zip(indices.ravel(), vectors.reshape(-1, 3), strict=True):
        counts[k] += 1
        sums[k] += vector
    found_counts, found_sums = statistics(vectors, indices, 6)
    np.testing.assert_array_equal(found_counts, counts)
    np.testing.assert_allclose(found_sums, sums, rtol=1e-5, atol=1e-6)


def test_empty_batches_have_zero_statistics():
    vectors, indices = np.zeros((0, 2), "float32"), np.zeros((0,), "int32")
    counts, sums = statistics(vectors, indices, 3)
    np.testing.assert_array_equal(counts, np.zeros(3))
    np.testing.assert_array_equal(sums, np.zeros((3, 2)))
