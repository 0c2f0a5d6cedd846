import keras
import numpy as np
import pytest

from tests.helpers import tiny_images
from tests.helpers import tiny_kl_autoencoder
from tests.helpers import to_numpy


@pytest.fixture
def images(rng):
    return tiny_images(rng, 6, (8, 8, 1))


def test_kl_autoencoder(images, tmp_path):
    model = tiny_kl_autoencoder(kl_weight=0.1, disc_weight=0)
    results = model.evaluate(images, return_dict=True, verbose=0)
    x = model.to_network_range(images)
    mean, log_variance = np.split(to_numpy(model.encoder(x)), 2, axis=-1)
    np.testing.assert_allclose(model.encode(images), mean, atol=1e-5)
    kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    kl = kl.sum((1, 2, 3)).mean()
    error = np.abs(to_numpy(x) - to_numpy(model.decoder(mean))).mean()
    expected = {
        "kl_loss": kl,
        "reconstruction_loss": error,
        "loss": error + 0.1 * kl / 64,
    }
    assert results == pytest.approx(expected, rel=1e-4)

    model.adapt(images)
    latents = model.encode_latents(images)
    assert latents.std() == pytest.approx(1.0, rel=1e-3)
    np.testing.assert_allclose(latents, mean / mean.std(), atol=1e-3)
    np.testing.assert_allclose(
        model.decode_latents(latents),
        model.predict(images, verbose=0),
        atol=1e-5,
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.encode_latents(images), latents, atol=1e-5
    )


def test_kl_autoencoder_learns_against_a_discriminator(rng):
    model = tiny_kl_autoencoder(learning_rate=1e-2, disc_weight=0.1)
    x = tiny_images(rng, 16, (8, 8, 1))
    first = model.evaluate(x, return_dict=True, verbose=0)
    model.fit(x, epochs=25, verbose=0)
    last = model.evaluate(x, return_dict=True, verbose=0)
    assert last["reconstruction_loss"] < 0.6 * first["reconstruction_loss"]


def test_latents_that_are_all_the_same_have_no_scale(images):
    model = tiny_kl_autoencoder(disc_weight=0)
    for w in model.encoder.weights:
        w.assign(np.zeros(w.shape))
    with pytest.raises(ValueError, match="have no scale"):
        model.adapt(images)
