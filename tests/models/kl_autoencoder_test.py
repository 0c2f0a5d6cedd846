import keras
import numpy as np
import pytest

from keras_vq import zoo
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_kl_autoencoder


@pytest.fixture
def images(rng):
    return tiny_images(rng, 6, (8, 8, 1))


@pytest.fixture
def model():
    """One convolution each way, without an adversary."""
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 2, strides=2)]
    )
    decoder = keras.Sequential(
        [keras.Input((4, 4, 2)), keras.layers.Conv2DTranspose(1, 2, strides=2)]
    )
    return zoo.kl_autoencoder(
        (8, 8, 1),
        latent_dim=2,
        kl_weight=0.1,
        encoder=encoder,
        decoder=decoder,
        disc_weight=0,
    )


def test_losses_and_scaled_latents_equal_the_formulas(model, images, tmp_path):
    logs = model.evaluate(images, return_dict=True, verbose=0)
    x = 2 * images - 1
    mean, log_variance = np.split(run(model.encoder, x), 2, axis=-1)
    np.testing.assert_allclose(model.encode(images), mean, atol=1e-5)
    kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    kl = kl.sum((1, 2, 3)).mean()
    error = np.abs(x - run(model.decoder, mean)).mean()
    expected = {
        "kl_loss": kl,
        "reconstruction_loss": error,
        "loss": error + 0.1 * kl / 64,
    }
    assert logs == pytest.approx(expected, rel=1e-4)

    model.adapt_latent_scale(images)
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


def test_it_learns_against_a_discriminator(rng):
    model = tiny_kl_autoencoder(
        learning_rate=1e-2, disc_weight=0.1, num_residual_layers=0
    )
    if keras.config.backend() == "tensorflow":
        model.jit_compile = False  # XLA compiles longer than this trains
    x = tiny_images(rng, 16, (8, 8, 1))
    first = model.evaluate(x, return_dict=True, verbose=0)
    model.fit(np.tile(x, (25, 1, 1, 1)), batch_size=16, verbose=0)
    last = model.evaluate(x, return_dict=True, verbose=0)
    assert last["reconstruction_loss"] < 0.6 * first["reconstruction_loss"]


def test_latents_that_are_all_equal_have_no_scale(model, images):
    for w in model.encoder.weights:
        w.assign(np.zeros(w.shape))
    with pytest.raises(ValueError, match="have no scale"):
        model.adapt_latent_scale(images)
