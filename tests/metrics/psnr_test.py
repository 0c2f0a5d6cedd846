import numpy as np
import pytest

from keras_vq.metrics import PSNR


def psnr(x, y, max_value=1.0):
    """Of each image, by a loop."""
    return [
        10 * np.log10(max_value**2 / np.mean((a - b) ** 2))
        for a, b in zip(x, y, strict=True)
    ]


@pytest.fixture
def pair(rng):
    x = rng.uniform(size=(5, 6, 4, 3))
    noise = (
        rng.normal(size=x.shape) * np.logspace(-3, 0, 5)[:, None, None, None]
    )
    return x, x + noise


def test_is_the_mean_over_images_in_whatever_batches(pair):
    x, y = pair
    metric = PSNR()
    for part in (slice(0, 2), slice(2, 5)):
        metric.update_state(x[part], y[part])
    expected = np.mean(psnr(x, y))
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)
    of_all = 10 * np.log10(1 / np.mean((x - y) ** 2))
    assert expected - of_all > 5


def test_max_value_is_the_value_of_white(pair):
    x, y = pair
    metric = PSNR(max_value=2.0)
    metric.update_state(2 * x, 2 * y)
    expected = np.mean(psnr(x, y))
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


def test_sample_weight_weighs_images(pair):
    x, y = pair
    weights = np.array([1.0, 0.0, 2.0, 0.0, 1.0])
    metric = PSNR()
    metric.update_state(x, y, sample_weight=weights)
    expected = np.average(psnr(x, y), weights=weights)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


@pytest.mark.parametrize("max_value", [1.0, 2.0])
def test_bytes_are_fractions_of_255(rng, max_value):
    x, y = rng.integers(0, 256, size=(2, 3, 4, 4, 3)).astype("uint8")
    metric = PSNR(max_value)
    metric.update_state(x, max_value * (y / 255))
    expected = np.mean(psnr(x / 255, y / 255))
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


def test_equal_images_count_100_db(pair):
    metric = PSNR(max_value=255.0)
    metric.update_state(pair[0], pair[0])
    np.testing.assert_allclose(float(metric.result()), 100.0, rtol=1e-5)


def test_inputs_that_are_not_pairs_of_images_are_rejected():
    x = np.zeros((2, 4, 4, 3))
    with pytest.raises(ValueError, match="images of the same shape"):
        PSNR().update_state(x, x[..., :1])
    with pytest.raises(ValueError, match="Cast integers"):
        PSNR().update_state(x.astype("int32"), x)
    with pytest.raises(ValueError, match="max_value=0"):
        PSNR(max_value=0)
