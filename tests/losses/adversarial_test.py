import numpy as np
import pytest

from keras_vq import losses
from tests.helpers import to_numpy


@pytest.fixture
def logits(rng):
    return (2 * rng.normal(size=(2, 3, 4, 4, 1))).astype("float32")


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def test_hinge(logits):
    real, fake = logits
    expected = np.maximum(1 - real, 0).mean() + np.maximum(1 + fake, 0).mean()
    value = losses.discriminator_loss(real, fake)
    np.testing.assert_allclose(to_numpy(value), expected / 2, rtol=1e-5)
    value = losses.generator_loss(fake)
    np.testing.assert_allclose(to_numpy(value), -fake.mean(), rtol=1e-5)


def test_non_saturating(logits):
    real, fake = logits
    expected = -log_sigmoid(real).mean() - log_sigmoid(-fake).mean()
    value = losses.discriminator_loss(real, fake, "non_saturating")
    np.testing.assert_allclose(to_numpy(value), expected / 2, rtol=1e-5)
    # Low where the discriminator is fooled: high logits of what is fake.
    value = losses.generator_loss(fake, "non_saturating")
    np.testing.assert_allclose(
        to_numpy(value), -log_sigmoid(fake).mean(), rtol=1e-5
    )


def test_lecam(logits):
    real, fake = logits
    value = losses.lecam_regularizer(real, fake, 0.3, -0.2)
    expected = (np.maximum(real + 0.2, 0) ** 2).mean()
    expected += (np.maximum(0.3 - fake, 0) ** 2).mean()
    np.testing.assert_allclose(to_numpy(value), expected, rtol=1e-5)


def test_unknown_kind(logits):
    with pytest.raises(
        ValueError, match=r"'hinge', 'non_saturating'.*wasserstein"
    ):
        losses.generator_loss(logits[0], "wasserstein")
