import keras
import numpy as np
import pytest

from keras_vq import zoo
from tests.helpers import tiny_images


def tiny_autoencoder(**kwargs):
    arguments = {
        "input_shape": (8, 8, 3),
        "latent_dim": 6,
        "hidden_dim": 16,
        "num_residual_layers": 1,
        "residual_hidden_dim": 8,
    }
    return zoo.autoencoder(**{**arguments, **kwargs})


@pytest.mark.parametrize("network", ["mlp", "residual_cnn"])
def test_it_learns_to_reconstruct(rng, network):
    x = tiny_images(rng, 8)
    model = tiny_autoencoder(
        network=network, learning_rate=5e-3, data_variance=float(x.var())
    )
    model.fit(np.tile(x, (50, 1, 1, 1)), batch_size=8, epochs=3, verbose=0)
    logs = model.evaluate(x, return_dict=True, verbose=0)
    outputs = model.predict(x, verbose=0)
    assert logs["reconstruction_loss"] < 0.15
    assert logs["loss"] == logs["reconstruction_loss"]
    assert np.mean((x - outputs) ** 2) / x.var() == pytest.approx(
        logs["reconstruction_loss"], rel=0.2
    )


def test_the_latent_is_all_that_the_decoder_sees(rng):
    model = tiny_autoencoder(network="mlp")
    x = tiny_images(rng, 5)
    latents = model.encode(x)
    assert latents.shape == (5, 6)
    np.testing.assert_allclose(
        model.decode(latents), model.predict(x, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize(
    "likelihood", ["gaussian", "categorical", "logistic_mixture"]
)
def test_any_likelihood_trains(rng, likelihood):
    keras.utils.set_random_seed(0)
    model = tiny_autoencoder(
        likelihood=likelihood, network="mlp", learning_rate=3e-3
    )
    x = np.tile(tiny_images(rng, 16), (10, 1, 1, 1))
    losses = model.fit(x, batch_size=16, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.05
    assert model.predict(x[:16], verbose=0).shape == (16, 8, 8, 3)
