import numpy as np
import pytest

from keras_vq.ops import k_means
from tests.reference.vector_quantizer import nearest


def test_iterations_equal_lloyds(rng):
    vectors = rng.normal(size=(60, 2)).astype("float32")
    start = k_means(vectors, 5, num_iterations=0, seed=3)
    for centroid in start:
        assert np.any(np.all(vectors == centroid, axis=1))
    assert len(np.unique(start, axis=0)) == 5
    expected = start.astype("float64")
    for _ in range(4):
        indices = nearest(vectors, expected)
        expected = np.array(
            [vectors[indices == k].mean(axis=0) for k in range(5)]
        )
    found = k_means(vectors, 5, num_iterations=4, seed=3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_empty_cluster_gets_a_vector():
    """Of two centroids at equal vectors, ties leave one without any."""
    vectors = np.array([[0.0], [0.0], [0.0], [9.0]], "float32")
    found = k_means(vectors, 3, num_iterations=20)
    assert set(found.ravel()) == {0.0, 9.0}


@pytest.mark.parametrize("num_clusters", [16, 300])
def test_well_separated_clusters_are_found(rng, num_clusters):
    """A random start ends at more than twenty times this error."""
    centers = 10 * rng.normal(size=(num_clusters, 8))
    noise = rng.normal(size=(20, num_clusters, 8))
    vectors = (centers + noise).reshape(-1, 8).astype("float32")
    found = k_means(vectors, num_clusters)
    error = np.square(vectors - found[nearest(vectors, found)]).sum(-1)
    assert error.mean() < 1.5 * 8


def test_bad_vectors_are_rejected():
    with pytest.raises(ValueError, match="3 vectors for 4 clusters"):
        k_means(np.zeros((3, 2)), 4)
    with pytest.raises(ValueError, match=r"finite.* NaN .*1 of 3"):
        k_means(np.array([[1.0], [np.nan], [2.0]]), 2)
