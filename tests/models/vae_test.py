import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_vq
from tests.helpers import gradients
from tests.helpers import to_numpy


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
    return keras_vq.zoo.vae(**{**arguments, **kwargs})


@pytest.fixture
def images(rng):
    """Binary pictures of two kinds."""
    left = rng.integers(0, 2, size=(40, 1, 1, 1))
    columns = np.arange(8)[None, None, :, None] < 4
    on = np.broadcast_to(left == columns, (40, 8, 8, 1))
    flipped = rng.random(on.shape) < 0.05
    return (on ^ flipped).astype("float32")


@pytest.mark.parametrize(
    ("network", "input_shape"),
    [
        ("mlp", (16, 2)),
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
    history = model.fit(x, verbose=0).history
    assert set(history) == {
        "loss",
        "reconstruction_loss",
        "kl_loss",
        "negative_elbo",
        "bits_per_dim",
    }
    latents = model.encode(x)
    grid = tuple(n // 4 for n in input_shape[:-1])
    spatial = network == "spatial_residual_cnn"
    assert latents.shape == (4, *(grid if spatial else ()), 3)
    assert latents.dtype == "float32"
    outputs = model.predict(x, verbose=0)
    assert outputs.shape == x.shape
    np.testing.assert_allclose(model.decode(latents), outputs, atol=1e-5)
    assert model.generate(3, seed=0).shape == (3, *input_shape)


def test_the_bound_is_reconstruction_and_kl_in_nats(images, monkeypatch):
    """All terms in NumPy, the noise being zero."""
    model = tiny_vae()
    monkeypatch.setattr(
        keras.random, "normal", lambda shape, **_: ops.zeros(shape)
    )
    logs = model.evaluate(images, batch_size=16, return_dict=True, verbose=0)
    mean, log_variance = to_numpy(model.posterior(images))
    logits = to_numpy(model.decoder(mean))
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


def test_no_kl_gradient_below_the_free_bits(images):
    """The posterior of a spared dimension is not pushed to the prior."""
    model = tiny_vae(free_bits=100.0)
    spared = tiny_vae(beta=0.0)
    spared.set_weights(model.get_weights())

    def gradient_of(model):
        model.seed_generator.state.assign([0, 0])
        weights = model.encoder.trainable_variables
        return gradients(
            lambda: model.losses_of(images, training=True)[0], weights
        )

    for a, b in zip(gradient_of(model), gradient_of(spared), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_beta_rises_during_warm_up(images):
    model = tiny_vae(beta=2.0, beta_warmup_steps=4)
    weights = []
    for _ in range(6):
        weights.append(float(model.kl_weight(training=True)))
        model.train_on_batch(images)
    assert weights == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.0])
    assert model.kl_weight(training=False) == 2.0


def test_warm_up_goes_on_after_loading(images, tmp_path):
    model = tiny_vae(beta_warmup_steps=10)
    for _ in range(3):
        model.train_on_batch(images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.kl_weight(training=True)) == pytest.approx(0.3)
    np.testing.assert_allclose(
        loaded.train_on_batch(images), model.train_on_batch(images), rtol=1e-4
    )


def test_the_noise_changes_from_step_to_step_and_not_with_the_seed(images):
    def losses(seed):
        keras.utils.set_random_seed(0)
        model = tiny_vae(seed=seed)
        model.compile(keras.optimizers.SGD(0.0))
        logs = [
            model.train_on_batch(images, return_dict=True) for _ in range(3)
        ]
        return [float(step["loss"]) for step in logs]

    first, again, other = losses(1), losses(1), losses(2)
    assert first == pytest.approx(again)
    assert len(set(first)) == 3
    assert first[0] != other[0]


def test_learns_and_generates_both_kinds(images):
    keras.utils.set_random_seed(0)
    model = tiny_vae(learning_rate=5e-3)
    model.fit(images, epochs=150, verbose=0)
    bound = model.evaluate(images, return_dict=True, verbose=0)
    # Independent pixels cost 64 bits; noise and kind alone 64 * 0.2 + 0.7.
    assert bound["negative_elbo"] < 25
    samples = model.generate(60, seed=0)
    left = samples[:, :, :4].mean((1, 2, 3)) > 0.5
    assert 5 < left.sum() < 55
    columns = np.arange(8)[None, None, :, None] < 4
    distance = np.abs(samples - (left[:, None, None, None] == columns))
    assert np.median(distance) < 0.1


def test_generate_draws_the_same_for_a_seed(images):
    model = tiny_vae()
    a, b = model.generate(5, seed=3), model.generate(5, seed=3)
    np.testing.assert_array_equal(a, b)
    assert np.abs(model.generate(5, seed=4) - a).max() > 1e-4


@pytest.mark.parametrize("network", ["mlp", "spatial_residual_cnn"])
def test_importance_weighted_bound_equals_the_loop(images, network):
    model = tiny_vae(network=network)
    found = model.evaluate_log_likelihood(images[:3], 5, seed=7)
    mean, log_variance = to_numpy(model.posterior(images[:3]))
    scale = np.exp(log_variance / 2)
    noise = np.random.default_rng(7).standard_normal(
        (3, 5, *model.latent_shape), dtype="float32"
    )
    for b in range(3):
        log_weights = []
        for k in range(5):
            z = mean[b] + scale[b] * noise[b, k]
            logits = to_numpy(model.decoder(z[None]))[0]
            log_p = (images[b] * logits - np.logaddexp(0, logits)).sum()
            log_prior = -0.5 * (z**2 + np.log(2 * np.pi)).sum()
            log_q = (
                -0.5
                * (noise[b, k] ** 2 + log_variance[b] + np.log(2 * np.pi)).sum()
            )
            log_weights.append(log_p + log_prior - log_q)
        expected = np.log(np.mean(np.exp(np.array(log_weights, "float64"))))
        assert found[b] == pytest.approx(expected, rel=1e-4)


def test_more_samples_tighten_the_bound(images):
    model = tiny_vae()
    model.fit(images, epochs=5, verbose=0)
    one, some, many = (
        model.evaluate_log_likelihood(images, k).mean() for k in (1, 10, 500)
    )
    assert one < some < many
    # More samples than one step takes, and in several batches.
    assert model.evaluate_log_likelihood(images[:3], 5000).shape == (3,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": -1.0}, "beta=-1.0"),
        ({"free_bits": -0.1}, "free_bits=-0.1"),
        ({"beta_warmup_steps": -1}, "beta_warmup_steps=-1"),
        ({"latent_dim": 0}, "latent_dim=0"),
        ({"network": "cnn"}, "network='cnn'"),
        ({"likelihood": "poisson"}, "'poisson'"),
        ({"network": "residual_cnn", "downsampling": 3}, "downsampling=3"),
        (
            {"network": "residual_cnn", "downsampling": 16},
            r"downsampling=16 and input_shape=\(8, 8, 1\)",
        ),
        ({"data_variance": 0.1}, 'likelihood="mse" alone'),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_vae(**options)


def test_numbers_of_samples_are_checked(images):
    model = tiny_vae()
    with pytest.raises(ValueError, match="num_samples=0"):
        model.generate(0)
    with pytest.raises(ValueError, match="num_importance_samples=0"):
        model.evaluate_log_likelihood(images, 0)
    assert model.evaluate_log_likelihood(images[:0], 5).shape == (0,)


def test_latents_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"latents of shape \(None, 3\)"):
        tiny_vae().decode(np.zeros((2, 4), "float32"))
