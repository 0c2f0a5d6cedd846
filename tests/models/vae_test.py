import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import zoo
from tests.helpers import gradients
from tests.helpers import run


def tiny_vae(**kwargs):
    arguments = {
        "input_shape": (8, 8, 1),
        "latent_dim": 3,
        "network": "mlp",
        "hidden_dim": 16,
        "num_residual_layers": 1,
        "residual_hidden_dim": 16,
        "seed": 1,
    }
    return zoo.vae(**{**arguments, **kwargs})


@pytest.fixture
def images(rng):
    """Binary pictures of two kinds."""
    left = rng.integers(0, 2, size=(40, 1, 1, 1))
    columns = np.arange(8)[None, None, :, None] < 4
    on = np.broadcast_to(left == columns, (40, 8, 8, 1))
    flipped = rng.random(on.shape) < 0.05
    return (on ^ flipped).astype("float32")


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(
        keras.random, "normal", lambda shape, **_: ops.zeros(shape)
    )


@pytest.mark.parametrize(
    ("network", "input_shape"),
    [
        ("residual_cnn", (8, 8, 3)),
        ("spatial_residual_cnn", (16, 2)),
        ("spatial_residual_cnn", (4, 8, 8, 1)),
    ],
)
def test_audio_images_and_video(rng, network, input_shape):
    model = tiny_vae(
        input_shape=input_shape, network=network, likelihood="gaussian"
    )
    x = rng.uniform(size=(4, *input_shape)).astype("float32")
    logs = model.train_on_batch(x, return_dict=True)
    assert set(logs) == {
        "loss",
        "reconstruction_loss",
        "kl_loss",
        "negative_elbo",
        "bits_per_dim",
    }
    grid = tuple(n // 4 for n in input_shape[:-1])
    spatial = network == "spatial_residual_cnn"
    assert model.latent_shape == (*(grid if spatial else ()), 3)
    assert model.predict(x, verbose=0).shape == x.shape


def test_the_bound_is_reconstruction_and_kl_in_nats(images, no_noise):
    """All terms in NumPy, the noise being zero."""
    model = tiny_vae()
    logs = model.evaluate(images, batch_size=20, return_dict=True, verbose=0)
    mean, log_variance = run(model.posterior, images, variables=model.variables)
    logits = run(model.decoder, mean)
    log_p = images * logits - np.logaddexp(0, logits)
    kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    expected = {
        "reconstruction_loss": -log_p.sum((1, 2, 3)).mean(),
        "kl_loss": kl.sum(1).mean(),
    }
    expected["negative_elbo"] = sum(expected.values())
    expected["loss"] = expected["negative_elbo"]
    expected["bits_per_dim"] = expected["loss"] / (64 * math.log(2))
    assert logs == pytest.approx(expected, rel=1e-4)


def test_beta_weighs_the_kl_term_and_free_bits_spare_it(images):
    logs = {}
    for name, options in {
        "plain": {},
        "half": {"beta": 0.5},
        "free": {"free_bits": 100.0},
    }.items():
        keras.utils.set_random_seed(0)
        model = tiny_vae(**options)
        logs[name] = model.evaluate(images, return_dict=True, verbose=0)
    plain = logs["plain"]
    assert logs["half"]["loss"] == pytest.approx(
        plain["reconstruction_loss"] + 0.5 * plain["kl_loss"], rel=1e-5
    )
    assert logs["half"]["negative_elbo"] == pytest.approx(plain["loss"])
    # Every dimension is below its allowance: the term is that constant.
    assert logs["free"]["loss"] == pytest.approx(
        plain["reconstruction_loss"] + 3 * 100.0, rel=1e-5
    )


def test_below_the_free_bits_the_kl_term_has_no_gradient(images):
    """The posterior of a spared dimension is not pushed to the prior."""
    model = tiny_vae(free_bits=100.0)
    spared = tiny_vae(beta=0.0)
    spared.set_weights(model.get_weights())
    images = ops.convert_to_tensor(images)

    def gradient_of(model):
        model.bottleneck.seed_generator.state.assign([0, 0])
        return gradients(
            lambda: model.losses_of(images, None, training=True)["loss"],
            model.encoder.trainable_variables,
        )

    for a, b in zip(gradient_of(model), gradient_of(spared), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_beta_rises_during_warm_up_also_after_loading(images, tmp_path):
    model = tiny_vae(beta=2.0, beta_warmup_steps=4)
    weights = []
    for step in range(6):
        if step == 3:
            model.save(tmp_path / "model.keras")
        weights.append(float(model.bottleneck.current_weight(training=True)))
        logs = model.train_on_batch(images)
        if step == 3:
            expected = logs
        model.reset_metrics()
    assert weights == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.0])
    assert model.bottleneck.current_weight(training=False) == 2.0

    loaded = keras.models.load_model(tmp_path / "model.keras")
    weight = loaded.bottleneck.current_weight(training=True)
    assert float(weight) == pytest.approx(1.5)
    np.testing.assert_allclose(
        loaded.train_on_batch(images), expected, rtol=1e-4
    )


def test_the_noise_changes_from_step_to_step_and_with_the_seed(images):
    def losses(seed):
        keras.utils.set_random_seed(0)
        model = tiny_vae(seed=seed)
        model.compile(keras.optimizers.SGD(0.0))
        logs = []
        for _ in range(3):
            logs.append(float(model.train_on_batch(images)[0]))
            model.reset_metrics()
        return logs

    first, again, other = losses(1), losses(1), losses(2)
    assert first == pytest.approx(again)
    assert len(set(first)) == 3
    assert first[0] != other[0]


def test_it_learns_and_generates_both_kinds(images):
    keras.utils.set_random_seed(0)
    model = tiny_vae(learning_rate=5e-3)
    model.fit(np.tile(images, (15, 1, 1, 1)), epochs=15, verbose=0)
    latents = model.encode(images, batch_size=40)
    assert (latents.shape, latents.dtype) == ((40, 3), "float32")
    np.testing.assert_allclose(
        model.decode(latents, batch_size=40),
        model.predict(images, batch_size=40, verbose=0),
        atol=1e-5,
    )
    bound = model.evaluate(images, batch_size=40, return_dict=True, verbose=0)
    # Independent pixels cost 64 bits; noise and kind alone 64 * 0.2 + 0.7.
    assert bound["negative_elbo"] < 25
    samples = model.generate(60, seed=0, batch_size=60)
    left = samples[:, :, :4].mean((1, 2, 3)) > 0.5
    assert 5 < left.sum() < 55
    columns = np.arange(8)[None, None, :, None] < 4
    distance = np.abs(samples - (left[:, None, None, None] == columns))
    assert np.median(distance) < 0.1

    np.testing.assert_array_equal(
        samples, model.generate(60, seed=0, batch_size=60)
    )
    assert (
        np.abs(model.generate(60, seed=4, batch_size=60) - samples).max() > 1e-4
    )
    one, some, many = (
        model.evaluate_log_likelihood(images, num_importance_samples=k).mean()
        for k in (1, 10, 500)
    )
    assert one < some < many


@pytest.mark.parametrize("network", ["mlp", "spatial_residual_cnn"])
def test_the_importance_weighted_bound_equals_the_formula(images, network):
    model = tiny_vae(network=network)
    images = images[:3]
    found = model.evaluate_log_likelihood(
        images, num_importance_samples=5, seed=7
    )
    mean, log_variance = (
        t[:, None]
        for t in run(model.posterior, images, variables=model.variables)
    )
    noise = np.random.default_rng(7).standard_normal(
        (3, 5, *model.latent_shape), dtype="float32"
    )
    z = mean + np.exp(log_variance / 2) * noise
    logits = run(model.decoder, z.reshape(15, *model.latent_shape))
    logits = logits.reshape(3, 5, 8, 8, 1)

    def total(t):
        return t.astype("float64").sum(axis=tuple(range(2, t.ndim)))

    log_p = total(images[:, None] * logits - np.logaddexp(0, logits))
    log_prior = total(-0.5 * (z**2 + np.log(2 * np.pi)))
    log_q = total(-0.5 * (noise**2 + log_variance + np.log(2 * np.pi)))
    expected = np.log(np.mean(np.exp(log_p + log_prior - log_q), axis=1))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_bound_takes_several_steps_or_no_inputs_at_all(images):
    model = tiny_vae()
    # More samples than one step takes, and in several batches.
    bound = model.evaluate_log_likelihood(
        images[:3], num_importance_samples=5000
    )
    assert bound.shape == (3,)
    bound = model.evaluate_log_likelihood(images[:0], num_importance_samples=5)
    assert bound.shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": -1.0}, "=-1.0"),
        ({"free_bits": -0.1}, "free_bits=-0.1"),
        ({"beta_warmup_steps": -1}, "=-1"),
        ({"latent_dim": 0}, "latent_dim=0"),
        ({"network": "cnn"}, "network='cnn'"),
        ({"likelihood": "poisson"}, "'poisson'"),
        ({"network": "residual_cnn", "downsampling": 3}, "downsampling=3"),
        (
            {"network": "residual_cnn", "downsampling": 16},
            r"downsampling=16 and input_shape=\(8, 8, 1\)",
        ),
        ({"data_variance": 0.1}, "mse"),
    ],
)
def test_bad_arguments_are_reported(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_vae(**options)


def test_bad_numbers_of_samples_and_latents_are_reported(images):
    model = tiny_vae()
    with pytest.raises(ValueError, match="num_samples=0"):
        model.generate(0)
    with pytest.raises(ValueError, match="num_importance_samples=0"):
        model.evaluate_log_likelihood(images, num_importance_samples=0)
    with pytest.raises(ValueError, match=r"latents of shape \(None, 3\)"):
        model.decode(np.zeros((2, 4), "float32"))
