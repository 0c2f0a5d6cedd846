import numpy as np

from keras_vq.ops import masked_mean
from tests.helpers import run


def test_mean_is_float32_and_zero_for_empty_tensors(rng):
    x = rng.normal(size=(3, 4)).astype("float32")
    half = x.astype("float16")
    mean, half_mean, nothing = run(
        lambda *tensors: list(map(masked_mean, tensors)), x, half, x[:0]
    )
    np.testing.assert_allclose(mean, x.mean(dtype="float64"), rtol=1e-5)
    np.testing.assert_allclose(half_mean, half.mean(dtype="float64"), 1e-5)
    assert half_mean.dtype == "float32"
    assert nothing == 0


def test_mask_selects_elements_or_whole_vectors(rng):
    x = rng.normal(size=(3, 4)).astype("float32")
    elements = rng.uniform(size=(3, 4)) < 0.5
    rows = np.array([True, False, True])
    found = run(lambda x: [masked_mean(x, elements), masked_mean(x, rows)], x)
    expected = [x[elements].mean(), x[rows].mean()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
