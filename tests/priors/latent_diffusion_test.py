import itertools

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import networks
from keras_vq import priors
from keras_vq import samplers
from keras_vq import schedules
from keras_vq import zoo
from keras_vq.ops import standard_normal
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy

SHAPE = (2, 3, 2)


def create(num_classes=4, hidden_dim=8, **kwargs):
    network = networks.DiffusionTransformer(
        SHAPE, num_classes, num_layers=1, num_heads=2, hidden_dim=hidden_dim
    )
    return priors.LatentDiffusion(network, seed=1, **kwargs)


@pytest.fixture(scope="module")
def flow():
    return perturbed(create(label_dropout=0.3, num_steps=3))


@pytest.fixture(scope="module")
def betas():
    return perturbed(
        create(schedule=schedules.LinearBetas(20), prediction="v", num_steps=4)
    )


def normal(noise):
    return run(standard_normal, noise.astype("float32"))


def test_standard_normal(rng):
    drawn = normal(samplers.uniform_noise(0, 100, 1000))
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert np.mean(np.abs(drawn) > 1.96) == pytest.approx(0.05, abs=0.003)
    ends = normal(np.array([0.0, 1 - 2.0**-24]))
    np.testing.assert_allclose(ends, [-ends[1], ends[1]], rtol=1e-3)
    assert 5 < ends[1] < 6


def predict(prior, x, time, labels):
    arguments = (networks.Conditioning(labels), np.full(len(x), time, "f4"))
    return run(prior.network, x.astype("float32"), *arguments)


@pytest.mark.parametrize("solver", ["ddpm", "ddim", "dpm_solver"])
def test_sampling_of_betas_against_a_loop(betas, solver):
    """Each step by the paper's equations, of x_0 and epsilon."""
    labels = np.array([2, 0])
    found = betas.generate(2, labels, seed=3, solver=solver)
    draws = 5 if solver == "ddpm" else 1
    noise = normal(samplers.uniform_noise(3, 2, 12 * draws))
    noise = noise.reshape(2, draws, *SHAPE)
    x = noise[:, 0]
    alphas = np.concatenate([[1.0], betas.schedule.alpha_bars])[
        [20, 15, 10, 5, 0]
    ]
    history = []
    for i, (now, after) in enumerate(itertools.pairwise(alphas)):
        output = predict(betas, x, (20 - 5 * i) / 20, labels)
        x0 = np.sqrt(now) * x - np.sqrt(1 - now) * output
        epsilon = np.sqrt(1 - now) * x + np.sqrt(now) * output
        history.append((x0, np.log(now / (1 - now)) / 2))
        deviation = 0.0
        if solver == "ddpm":  # of the posterior q(x_{t-1} | x_t, x_0)
            deviation = np.sqrt((1 - after) / (1 - now) * (1 - now / after))
        elif solver == "dpm_solver" and 0 < i < 3:
            (earlier, first), (_, second) = history[-2:]
            h = np.log(after / (1 - after)) / 2 - second
            ratio = (second - first) / h
            x0 = x0 + (x0 - earlier) / (2 * ratio)
            x = (
                np.sqrt((1 - after) / (1 - now)) * x
                - np.sqrt(after) * (np.expm1(-h)) * x0
            )
            continue
        x = np.sqrt(after) * x0
        x = x + np.sqrt(1 - after - deviation**2) * epsilon
        if deviation:
            x = x + deviation * noise[:, i + 1]
    np.testing.assert_allclose(found, x, atol=2e-4)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_sampling_of_flows_against_a_loop(flow, solver):
    """With guidance, by the velocity that the network predicts."""
    labels = np.array([2, 0])
    found = flow.generate(2, labels, seed=3, solver=solver, guidance_scale=1.5)
    x = normal(samplers.uniform_noise(3, 2, 12)).reshape(2, *SHAPE)

    def velocity(x, time):
        with_label = predict(flow, x, time, labels)
        without = predict(flow, x, time, np.full(2, 4))
        return without + 1.5 * (with_label - without)

    times = flow.schedule.times(3)
    for now, after in itertools.pairwise(times):
        slope = velocity(x, now)
        if solver == "heun" and after > 0:
            there = velocity(x + (after - now) * slope, after)
            slope = (slope + there) / 2
        x = x + (after - now) * slope
    np.testing.assert_allclose(found, x, atol=2e-4)


def test_known_latents_are_kept_and_matter(flow, rng):
    latents = rng.normal(size=(2, *SHAPE))
    known = np.zeros((2, *SHAPE), bool)
    known[:, 0] = True
    drawn = flow.complete(latents, known, [1, 2], seed=0)
    np.testing.assert_allclose(drawn[:, 0], latents[:, 0], rtol=1e-6)
    other = flow.complete(latents + 1, known, [1, 2], seed=0)
    free = flow.complete(latents, np.zeros_like(known), [1, 2], seed=0)
    for x in (other, free):
        assert np.abs(x[:, 1] - drawn[:, 1]).min() > 1e-5
    np.testing.assert_allclose(
        free, flow.generate(2, [1, 2], seed=0), rtol=1e-5
    )


def test_guidance_is_a_default_of_sampling(flow):
    guided = create(label_dropout=0.3, num_steps=3, guidance_scale=1.5)
    guided.set_weights(flow.get_weights())
    found = guided.generate(2, [1, 2], seed=3)
    expected = flow.generate(2, [1, 2], seed=3, guidance_scale=1.5)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    noise = samplers.uniform_noise(3, 2, guided.num_draws)
    step = run(
        lambda noise, labels: guided.generate_step(
            noise, networks.Conditioning(labels)
        ),
        noise,
        np.array([1, 2], "int32"),
    )
    np.testing.assert_allclose(step, expected, atol=1e-5)
    plain = guided.generate(2, [1, 2], seed=3, guidance_scale=1.0)
    np.testing.assert_allclose(
        plain, flow.generate(2, [1, 2], seed=3), atol=1e-5
    )
    assert np.abs(plain - expected).max() > 1e-3


def test_seeds_and_batches(betas):
    whole = betas.generate(3, 1, seed=5, solver="ddpm")
    parts = betas.generate(3, 1, seed=5, solver="ddpm", batch_size=2)
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    assert np.abs(whole - betas.generate(3, 1, seed=6, solver="ddpm")).min() > 0


@pytest.mark.parametrize(
    ("schedule", "prediction"),
    [
        (schedules.RectifiedFlow(), "flow"),
        (schedules.ScaledLinearBetas(), "epsilon"),
    ],
)
def test_training_on_one_latent_finds_it(schedule, prediction, rng):
    latents = np.tile(rng.normal(size=(1, *SHAPE)), (64, 1, 1, 1))
    prior = create(
        None, hidden_dim=32, schedule=schedule, prediction=prediction
    )
    prior.compile(keras.optimizers.Adam(0.01))
    before = prior.evaluate(latents, verbose=0, return_dict=True)["loss"]
    prior.fit(latents, epochs=150, batch_size=64, verbose=0)
    after = prior.evaluate(latents, verbose=0, return_dict=True)["loss"]
    assert after < 0.1 * before
    if prediction != "epsilon":  # whose errors grow 157-fold at time 1
        drawn = prior.generate(8, seed=0, num_steps=20)
        deviation = np.sqrt(np.mean(np.square(drawn - latents[:8])))
        assert deviation < 0.2


def test_labels_are_learned(rng):
    labels = np.arange(64) % 4
    latents = np.broadcast_to(
        (labels - 1.5)[:, None, None, None], (64, *SHAPE)
    ).astype("float32")
    prior = create(hidden_dim=16, label_dropout=0.1)
    prior.compile(keras.optimizers.Adam(0.01))
    prior.fit(latents, labels, epochs=60, batch_size=32, verbose=0)
    drawn = prior.generate(4, [0, 1, 2, 3], seed=0, num_steps=10)
    means = drawn.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, np.arange(4) - 1.5, atol=0.4)


def test_fit_ends_with_the_moving_average_of_the_weights(rng):
    tokenizer = tiny_vqvae(num_embeddings=8)
    prior = zoo.latent_diffusion(
        tokenizer, num_layers=1, num_heads=2, hidden_dim=8, ema_decay=0.5
    )
    latents = rng.normal(size=(8, *tokenizer.continuous_shape))
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            seen.append(to_numpy(self.model.trainable_variables[0].value))

    prior.fit(latents, batch_size=4, epochs=2, verbose=0, callbacks=[Watch()])
    average = seen[0]  # the first step starts the average
    for weights in seen[1:]:
        average = 0.5 * average + 0.5 * weights
    found = to_numpy(prior.trainable_variables[0].value)
    np.testing.assert_allclose(found, average, rtol=1e-4, atol=1e-7)
    assert np.abs(found - seen[-1]).max() > 1e-6


def test_generator_draws_inpaints_and_is_saved(rng, tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=8)
    images = tiny_images(rng, 2)
    tokenizer.adapt_latent_scale(images)
    prior = zoo.latent_diffusion(
        tokenizer,
        network="unet",
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        num_steps=2,
    )
    generator = LatentGenerator(tokenizer, perturbed(prior))
    mask = np.zeros(images.shape[1:3], bool)
    mask[:4] = True
    assert generator.generate(2, seed=0).shape == images.shape
    drawn = generator.inpaint(images, mask, seed=0)
    kept = tokenizer.encode_latents(images)[:, 1:]
    latents = tokenizer.encode_latents(images)
    known = np.zeros(latents.shape, bool)
    known[:, 1:] = True
    expected = generator.prior.complete(latents, known, seed=0)
    np.testing.assert_array_equal(expected[:, 1:], kept)
    np.testing.assert_allclose(drawn, tokenizer.decode_latents(expected))
    generator.save(tmp_path / "generator.keras")
    restored = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(
        restored.generate(2, seed=1), generator.generate(2, seed=1), atol=1e-6
    )


def test_a_prior_belongs_to_a_scale(rng):
    tokenizer = tiny_vqvae(num_embeddings=8)
    prior = zoo.latent_diffusion(
        tokenizer, num_layers=1, num_heads=2, hidden_dim=8
    )
    tokenizer.adapt_latent_scale(tiny_images(rng, 2))
    with pytest.raises(ValueError, match="trained further after"):
        LatentGenerator(tokenizer, prior)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prediction": "epsilon"}, "Use 'flow' or 'v'"),
        ({"solver": "ddpm"}, "does not solve a RectifiedFlow"),
        ({"schedule": "flow"}, "such as RectifiedFlow"),
        ({"guidance_scale": 2.0}, "without `label_dropout`"),
        (
            {"schedule": schedules.LinearBetas(10), "num_steps": 11},
            "from 1 to 10. Received: num_steps=11",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        create(**arguments)


def test_bad_calls(flow, betas, rng):
    latents = rng.normal(size=(2, *SHAPE)).astype("float32")
    flow.compile("adam")
    for bad, message in (
        (np.zeros((2, *SHAPE), int), "continuous latents.*maskgit"),
        (latents[:, :1], r"latents of shape \(None, 2, 3, 2\)"),
        (np.full_like(latents, np.nan), "NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            flow.fit(bad, np.array([0, 1]), verbose=0)
    with pytest.raises(ValueError, match="without `label_dropout`"):
        betas.generate(1, 0, guidance_scale=2.0)
    with pytest.raises(ValueError, match="from 1 to 20"):
        betas.generate(1, 0, num_steps=21)
    with pytest.raises(NotImplementedError, match="vq_diffusion"):
        flow.log_prob(latents)
    codes_prior = zoo.pixelcnn(tiny_vqvae(), hidden_dim=8, num_layers=1)
    with pytest.raises(ValueError, match=r"integers.*latent_diffusion"):
        codes_prior.fit(rng.uniform(size=(2, 2, 2)))
    tokenizer = tiny_vqvae(num_embeddings=8)
    generator = LatentGenerator(
        tokenizer,
        zoo.latent_diffusion(
            tokenizer, num_layers=1, num_heads=2, hidden_dim=8
        ),
    )
    with pytest.raises(ValueError, match=r"does not sample with `top_k`"):
        generator.generate(1, top_k=3)
    with pytest.raises(ValueError, match="do not match"):
        LatentGenerator(tokenizer, create())
