import keras
import numpy as np
import pytest

import keras_vq
from tests.helpers import tiny_images


def tiny_autoencoder(**kwargs):
    arguments = {
        "input_shape": (8, 8, 3),
        "latent_dim": 6,
        "hidden_dim": 16,
        "num_residual_layers": 1,
        "residual_hidden_dim": 8,
    }
    return keras_vq.zoo.autoencoder(**{**arguments, **kwargs})


@pytest.mark.parametrize("network", ["mlp", "residual_cnn"])
def test_learns_to_reconstruct(rng, network):
    keras.utils.set_random_seed(0)
    x = tiny_images(rng, 8)
    model = tiny_autoencoder(
        network=network, learning_rate=5e-3, data_variance=float(x.var())
    )
    model.fit(x, epochs=150, verbose=0)
    loss = model.evaluate(x, return_dict=True, verbose=0)
    outputs = model.predict(x, verbose=0)
    assert loss["reconstruction_loss"] < 0.15
    assert np.mean((x - outputs) ** 2) / x.var() == pytest.approx(
        loss["reconstruction_loss"], rel=0.2
    )


def test_the_latent_is_all_that_the_decoder_sees(rng):
    model = tiny_autoencoder()
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
    model = tiny_autoencoder(likelihood=likelihood, network="mlp")
    x = tiny_images(rng, 16)
    losses = model.fit(x, epochs=20, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.05
    assert model.predict(x, verbose=0).shape == x.shape
