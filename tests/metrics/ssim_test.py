import numpy as np
import pytest
import tensorflow as tf

from keras_vq.metrics import SSIM


@pytest.mark.parametrize("shape", [(11, 11, 1), (16, 20, 3)])
@pytest.mark.parametrize("max_value", [1.0, 255.0])
def test_equals_that_of_tensorflow(rng, shape, max_value):
    x = rng.uniform(size=(4, *shape))
    y = np.clip(x + 0.3 * rng.normal(size=x.shape), 0, 1)
    x, y = ((max_value * t).astype("float32") for t in (x, y))
    metric = SSIM(max_value)
    for part in (slice(0, 3), slice(3, 4)):
        metric.update_state(x[part], y[part])
    expected = np.mean(tf.image.ssim(x, y, max_value))
    assert 0.1 < expected < 0.9
    np.testing.assert_allclose(float(metric.result()), expected, atol=1e-5)


def test_equals_that_of_tensorflow_on_dark_images(rng):
    """Where luminance is of the size of the constants."""
    x, y = rng.uniform(0, 0.02, size=(2, 3, 12, 12, 3)).astype("float32")
    y += 0.02
    metric = SSIM()
    metric.update_state(x, y)
    expected = np.mean(tf.image.ssim(x, y, 1.0))
    assert 0.1 < expected < 0.9
    np.testing.assert_allclose(float(metric.result()), expected, atol=1e-5)


def test_bytes_are_fractions_of_255(rng):
    x, y = rng.integers(0, 256, size=(2, 3, 12, 12, 3)).astype("uint8")
    metric = SSIM()
    metric.update_state(x, y)
    expected = np.mean(tf.image.ssim(x, y, 255))
    np.testing.assert_allclose(float(metric.result()), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 10, 16, 3), (2, 16, 16)])
def test_images_smaller_than_the_window_are_rejected(shape):
    x = np.zeros(shape)
    with pytest.raises(ValueError, match=r"least 11 x 11.*`PSNR`"):
        SSIM().update_state(x, x)
