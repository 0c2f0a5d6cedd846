"""Each likelihood against its formula in NumPy, and against its own draws."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import likelihoods
from tests.helpers import to_numpy

RANGES = [(0.0, 1.0), (-1.0, 1.0)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_normal(x, mean, scale):
    return -0.5 * ((x - mean) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))


def inputs(rng, channels=2, num_parameters=None, value_range=(0.0, 1.0)):
    low, high = value_range
    levels = rng.integers(0, 256, size=(3, 2, 2, channels))
    x = low + levels / 255.0 * (high - low)
    shape = (3, 2, 2, num_parameters or channels)
    return x.astype("float32"), rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize("value_range", RANGES)
def test_gaussian_laplace_and_squared_error(rng, value_range):
    x, parameters = inputs(rng, value_range=value_range)
    low, high = value_range
    mean = low + (parameters + 1) / 2 * (high - low)
    options = {"value_range": value_range}
    cases = [
        (likelihoods.Gaussian(0.2, **options), log_normal(x, mean, 0.2)),
        (
            likelihoods.Laplace(0.2, **options),
            -np.abs(x - mean) / 0.2 - np.log(0.4),
        ),
        (
            likelihoods.MeanSquaredError(0.3, **options),
            log_normal(x, mean, np.sqrt(0.15)),
        ),
    ]
    for likelihood, expected in cases:
        found = to_numpy(likelihood.log_prob(x, parameters))
        np.testing.assert_allclose(found, expected.sum((1, 2, 3)), rtol=1e-4)
        np.testing.assert_allclose(
            to_numpy(likelihood(parameters)), mean, atol=1e-6
        )
    loss = cases[2][0].loss(x, parameters)
    assert float(loss) == pytest.approx(np.mean((x - mean) ** 2) / 0.3, 1e-5)


@pytest.mark.parametrize("cls", [likelihoods.Gaussian, likelihoods.Laplace])
def test_a_learned_scale_converges_to_that_of_the_data(rng, cls):
    likelihood = cls()
    likelihood.build((None, 2))
    noise = rng.normal if cls is likelihoods.Gaussian else rng.laplace
    x = noise(0.5, [0.05, 0.3], size=(4000, 2)).astype("float32")
    best, score = None, -np.inf
    for log_scale in np.linspace(-4, 0, 41):
        likelihood.log_scale_weight.assign([log_scale, log_scale])
        log_probs = to_numpy(
            likelihood.log_probs(
                ops.convert_to_tensor(x), ops.zeros(x.shape, "float32")
            )
        )
        if log_probs[:, 0].mean() > score:
            best, score = log_scale, log_probs[:, 0].mean()
    assert np.exp(best) == pytest.approx(0.05, rel=0.15)


def test_bernoulli(rng):
    x, logits = inputs(rng)
    x = np.round(x)
    p = sigmoid(logits)
    expected = np.where(x == 1, np.log(p), np.log(1 - p)).sum((1, 2, 3))
    likelihood = likelihoods.Bernoulli()
    found = to_numpy(likelihood.log_prob(x, logits))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(likelihood(logits)), p, atol=1e-6)


def test_bernoulli_of_extreme_logits_is_finite():
    likelihood = likelihoods.Bernoulli()
    x = np.array([[0.0, 1.0]], "float32")
    found = likelihood.log_prob(x, np.array([[200.0, -200.0]], "float32"))
    assert float(found[0]) == pytest.approx(-400)


@pytest.mark.parametrize("value_range", RANGES)
def test_logit_laplace(rng, value_range):
    x, parameters = inputs(rng, 2, 4, value_range)
    low, high = value_range
    y = (x - low) / (high - low) * 0.8 + 0.1
    location, log_scale = parameters[..., :2], parameters[..., 2:]
    density = np.exp(
        -np.abs(np.log(y / (1 - y)) - location) / np.exp(log_scale)
    ) / (2 * np.exp(log_scale) * y * (1 - y))
    expected = np.log(density * 0.8 / (high - low)).sum((1, 2, 3))
    likelihood = likelihoods.LogitLaplace(value_range=value_range)
    found = to_numpy(likelihood.log_prob(x, parameters))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    median = np.clip((sigmoid(location) - 0.1) / 0.8, 0, 1)
    np.testing.assert_allclose(
        to_numpy(likelihood(parameters)), low + median * (high - low), atol=1e-5
    )


@pytest.mark.parametrize("value_range", RANGES)
def test_categorical(rng, value_range):
    x, logits = inputs(rng, 2, 512, value_range)
    low, high = value_range
    logits_by_channel = logits.reshape(3, 2, 2, 2, 256).astype("float64")
    p = np.exp(logits_by_channel)
    p /= p.sum(-1, keepdims=True)
    levels = np.round((x - low) / (high - low) * 255).astype(int)
    expected = np.log(np.take_along_axis(p, levels[..., None], -1))
    likelihood = likelihoods.Categorical(value_range=value_range)
    found = to_numpy(likelihood.log_prob(x, logits))
    np.testing.assert_allclose(found, expected.sum((1, 2, 3, 4)), rtol=1e-5)
    mean = low + (p @ np.arange(256)) / 255 * (high - low)
    np.testing.assert_allclose(to_numpy(likelihood(logits)), mean, atol=1e-5)


def mixture_in_numpy(levels, parameters, mixtures):
    """log p of one position: a loop over mixtures and channels, float64."""
    channels = len(levels)
    table = parameters.reshape(-1, mixtures).astype("float64")
    x = levels / 127.5 - 1
    total = 0.0
    weights = np.exp(table[0]) / np.exp(table[0]).sum()
    for m in range(mixtures):
        p, coefficient = weights[m], 0
        for c in range(channels):
            mean = table[1 + c, m]
            for earlier in range(c):
                row = 1 + 2 * channels + coefficient
                mean = mean + np.tanh(table[row, m]) * x[earlier]
                coefficient += 1
            scale = np.exp(max(table[1 + channels + c, m], -7.0))
            above = (
                1.0
                if levels[c] == 255
                else sigmoid((x[c] + 1 / 255 - mean) / scale)
            )
            below = (
                0.0
                if levels[c] == 0
                else sigmoid((x[c] - 1 / 255 - mean) / scale)
            )
            p = p * (above - below)
        total += p
    return np.log(total)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_logistic_mixture(rng, channels):
    likelihood = likelihoods.LogisticMixture(num_mixtures=4)
    count = likelihood.num_parameters(channels)
    x, parameters = inputs(rng, channels, count)
    x[0, 0, 0], x[1, 0, 0] = 0.0, 1.0  # the tails
    levels = np.round(x * 255).astype(int)
    expected = [
        sum(
            mixture_in_numpy(levels[b, i, j], parameters[b, i, j], 4)
            for i in range(2)
            for j in range(2)
        )
        for b in range(3)
    ]
    found = to_numpy(likelihood.log_prob(x, parameters))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_logistic_mixture_sums_to_one_over_the_levels(rng):
    likelihood = likelihoods.LogisticMixture(num_mixtures=3)
    parameters = rng.normal(size=(1, 9)).astype("float32")
    x = (np.arange(256) / 255).astype("float32")[:, None]
    log_p = likelihood.log_prob(x, np.repeat(parameters, 256, axis=0))
    assert np.exp(to_numpy(log_p)).sum() == pytest.approx(1, abs=1e-3)


def test_logistic_mixture_far_from_the_value_is_finite_with_a_gradient():
    """Where the difference of two tails vanishes in float32."""
    likelihood = likelihoods.LogisticMixture(num_mixtures=1)
    parameters = np.array([[0.0, 0.9, -7.0], [0.0, 0.95, -7.0]], "float32")
    x = np.full((2, 1), 0.2, "float32")
    near, far = to_numpy(likelihood.log_prob(x, parameters))
    assert np.isfinite([near, far]).all()
    assert far < near < -100


@pytest.mark.parametrize(
    ("name", "channels", "num_parameters"),
    [
        ("gaussian", 2, 2),
        ("laplace", 2, 2),
        ("bernoulli", 2, 2),
        ("logit_laplace", 1, 2),
        ("categorical", 1, 256),
        ("logistic_mixture", 3, 100),
        ("mse", 2, 2),
    ],
)
def test_draws_follow_the_distribution(rng, name, channels, num_parameters):
    likelihood = likelihoods.get(name)
    assert likelihood.num_parameters(channels) == num_parameters
    parameters = rng.normal(size=(1, num_parameters)).astype("float32")
    if name == "logistic_mixture":  # narrow: nothing is clipped at the ends
        parameters *= 0.2
        parameters.reshape(10, 10)[4:7] -= 4
    mean = to_numpy(likelihood(parameters))
    assert mean.shape == (1, channels)
    draws = to_numpy(
        likelihood.sample(np.repeat(parameters, 8000, axis=0), seed=1)
    )
    assert draws.shape == (8000, channels)
    centre = np.median(draws, 0) if name == "logit_laplace" else draws.mean(0)
    error = 5 * draws.std(0) / np.sqrt(8000) + 0.01
    assert np.all(np.abs(centre - mean[0]) < error)
    if likelihood.is_discrete:
        assert draws.min() >= 0
        assert draws.max() <= 1


def test_the_best_parameters_are_those_of_the_data(rng):
    """Moving the location away from the data lowers log p."""
    for name in ("gaussian", "laplace", "mse", "bernoulli"):
        likelihood = likelihoods.get(name)
        likelihood.build((None, 1))
        locations = np.array([[-2.0], [-1.0], [0.0], [1.0]], "float32")
        scores = to_numpy(likelihood.log_prob(np.ones((4, 1)), locations))
        assert list(scores) == sorted(scores)


def test_bits_per_dim():
    nats = 10 * np.log(2.0)
    assert float(likelihoods.Bernoulli().bits_per_dim(nats, 5)) == (
        pytest.approx(2.0)
    )
    # A density of 1 over [0, 1] gives each of 255 steps its share.
    uniform = likelihoods.Gaussian()
    assert float(uniform.bits_per_dim(0.0, 7)) == pytest.approx(np.log2(255))
    wide = likelihoods.Gaussian(value_range=(-1, 1))
    assert float(wide.bits_per_dim(7 * np.log(2), 7)) == (
        pytest.approx(np.log2(255))
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: likelihoods.get("gausian"), "Did you mean 'gaussian'"),
        (lambda: likelihoods.Gaussian(scale=0), "scale=0"),
        (lambda: likelihoods.Laplace(scale="fixed"), "scale='fixed'"),
        (lambda: likelihoods.MeanSquaredError(-1.0), "variance=-1.0"),
        (lambda: likelihoods.LogisticMixture(0), "num_mixtures=0"),
        (lambda: likelihoods.Bernoulli(value_range=(1, 0)), r"\(1, 0\)"),
        (
            lambda: likelihoods.get(likelihoods.Bernoulli(), (-1, 1)),
            r"Received: value_range=\(0.0, 1.0\). Expected: \(-1, 1\)",
        ),
        (
            lambda: likelihoods.get("laplace", data_variance=0.1),
            'only supported with likelihood="mse"',
        ),
        (lambda: likelihoods.get("mse", data_variance=0), "data_variance=0"),
    ],
)
def test_bad_arguments_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_half_precision_parameters_give_float32_likelihoods(rng):
    parameters = ops.cast(rng.normal(size=(2, 4, 1)), "bfloat16")
    likelihood = likelihoods.Bernoulli(dtype="mixed_bfloat16")
    log_prob = likelihood.log_prob(np.ones((2, 4, 1)), parameters)
    assert keras.backend.standardize_dtype(log_prob.dtype) == "float32"
