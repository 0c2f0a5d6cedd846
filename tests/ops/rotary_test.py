import numpy as np

from keras_vq.ops import apply_rotary
from keras_vq.ops import rotary_angles
from tests.helpers import run


def test_products_depend_on_distances_along_each_axis(rng):
    q, k = rng.normal(size=(2, 8)).astype("float32")
    places = list(np.ndindex(3, 3, 2, 2))
    starts = [(row, column) for row, column, _, _ in places]
    ends = [(row + down, column + right) for row, column, down, right in places]
    angles = np.stack([rotary_angles(starts, 8), rotary_angles(ends, 8)])
    vectors = np.stack([np.tile(q, (36, 1)), np.tile(k, (36, 1))])
    turned_q, turned_k = run(apply_rotary, vectors, angles)
    products = np.sum(turned_q * turned_k, axis=1).reshape(9, 4)
    np.testing.assert_allclose(
        products, np.tile(products[:1], (9, 1)), atol=1e-4
    )
    means = products.mean(axis=0)
    assert np.ptp(means) > 0.1
    assert min(np.abs(np.subtract.outer(means, means)[~np.eye(4, dtype=bool)]))
