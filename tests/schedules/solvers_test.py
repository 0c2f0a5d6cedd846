"""Noise schedules and solvers against the score of a Gaussian mixture."""

import numpy as np
import pytest
from keras import ops
from scipy.special import ndtr
from scipy.special import ndtri

from keras_vq import schedules
from keras_vq.schedules.solvers import evaluation_of
from tests.helpers import to_numpy

BETAS = schedules.LinearBetas()
FLOW = schedules.RectifiedFlow()
# A mixture of Gaussians.
SHARES = np.array([0.3, 0.5, 0.2])
MEANS = np.array([-2.0, 0.5, 1.5])
DEVIATIONS = np.array([0.2, 0.3, 0.1])


def exact_x0(x, signal, noise):
    """E[x_0 | x_t] of the mixture."""
    variances = np.square(signal * DEVIATIONS) + noise**2
    distances = x[:, None] - signal * MEANS
    logits = np.log(SHARES) - np.log(variances) / 2
    logits = logits - np.square(distances) / (2 * variances)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    gains = signal * np.square(DEVIATIONS) / variances
    return np.sum(weights * (MEANS + gains * distances), axis=1)


def error(solver, schedule, prediction, num_steps, rng, count=4000):
    """Largest difference between the distribution of samples and the exact."""
    # Evenly spread over the normal distribution.
    x = ndtri((rng.permutation(count) + 0.5) / count)
    previous_x = previous_x0 = x
    table = solver.table(schedule, prediction, num_steps).astype("float64")
    for row in table:
        now = evaluation_of(row)
        x0 = exact_x0(x, now.signal, now.noise)
        epsilon = (x - now.signal * x0) / now.noise
        p, q = schedule.target_weights(prediction, now.signal, now.noise)
        output = p * epsilon + q * x0
        x0 = now.x_weight * x + now.output_weight * output
        terms = [x, x0, previous_x, previous_x0, rng.standard_normal(count)]
        previous_x, previous_x0 = x, x0
        x = sum(w * term for w, term in zip(now.update, terms, strict=True))
    exact = ndtr((np.sort(x)[:, None] - MEANS) / DEVIATIONS) @ SHARES
    return np.abs(exact - (np.arange(count) + 0.5) / count).max()


@pytest.fixture(scope="module")
def ddpm_error():
    rng = np.random.default_rng(0)
    return error(schedules.DDPM(), BETAS, "epsilon", 1000, rng, 5000)


@pytest.mark.parametrize(
    ("solver", "schedule", "prediction", "num_steps"),
    [
        (schedules.DDIM(), BETAS, "epsilon", 500),
        (schedules.DPMSolver(), BETAS, "v", 250),
        (schedules.Euler(), FLOW, "flow", 400),
        (schedules.Heun(), FLOW, "flow", 25),
        (schedules.Heun(), schedules.RectifiedFlow(2.0), "v", 50),
    ],
)
def test_solvers_reach_the_distribution(
    solver, schedule, prediction, num_steps, ddpm_error, rng
):
    found = error(solver, schedule, prediction, num_steps, rng)
    assert found < 0.006
    assert found < ddpm_error < 0.03


def test_some_noise_leaves_the_distribution(rng):
    found = error(schedules.DDIM(0.3), BETAS, "flow", 300, rng, 20_000)
    assert found < 0.015


def test_second_order_solvers_need_fewer_evaluations(rng):
    euler = error(schedules.Euler(), FLOW, "flow", 31, rng)
    heun = error(schedules.Heun(), FLOW, "flow", 16, rng)  # 31 evaluations
    assert heun < euler / 3
    ddim = error(schedules.DDIM(), BETAS, "v", 200, rng)
    second = error(schedules.DPMSolver(), BETAS, "v", 200, rng)
    assert second < ddim / 2


def test_the_schedule_of_ddpm():
    kept = BETAS.alpha_bars[[499, 999]]
    np.testing.assert_allclose(kept, [0.0785872, 4.03583e-5], rtol=1e-5)
    signal, noise = BETAS.rates(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(signal[1:] ** 2, kept)
    np.testing.assert_allclose(signal**2 + noise**2, 1)
    assert noise[0] == 0


def test_the_schedule_of_latent_diffusion():
    betas = schedules.ScaledLinearBetas().betas()
    np.testing.assert_allclose(betas[[0, -1]], [0.0015, 0.0195])
    np.testing.assert_allclose(np.diff(np.sqrt(betas), 2), 0, atol=1e-15)


def test_the_times_of_a_shifted_flow():
    times = schedules.RectifiedFlow(3.0).times(28)
    expected = [1, 0.987381, 0.974108, 0.110906, 0.008929, 0]
    np.testing.assert_allclose(
        times[[0, 1, 2, -3, -2, -1]], expected, atol=5e-7
    )
    assert len(times) == 29


@pytest.mark.parametrize("schedule", [schedules.LinearBetas(10), FLOW])
def test_rates_of_tensors_are_those_of_arrays(schedule):
    noise = np.array([0.0, 0.31, 0.999], "float32")
    time = schedule.time_of(ops.convert_to_tensor(noise))
    found = to_numpy(schedule.rates(time))
    time = to_numpy(time)
    assert np.all((time > 0) & (time <= 1))
    for a, b in zip(found, schedule.rates(time), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "v", "flow"])
def test_x0_is_found_from_every_prediction(prediction):
    epsilon, x0 = 0.7, -1.3
    for row in schedules.DDIM().table(BETAS, prediction, 20):
        now = evaluation_of(row.astype("float64"))
        p, q = BETAS.target_weights(prediction, now.signal, now.noise)
        x = now.signal * x0 + now.noise * epsilon
        output = p * epsilon + q * x0
        found = now.x_weight * x + now.output_weight * output
        assert found == pytest.approx(x0, rel=1e-4)


@pytest.mark.parametrize(
    ("solver", "schedule", "message"),
    [
        ("heun", BETAS, "Heun does not solve a LinearBetas.*'ddpm', 'ddim'"),
        ("ddim", FLOW, "DDIM does not solve a RectifiedFlow.*'euler', 'heun'"),
        ("dpm", BETAS, r"`solver` must be .*'dpm_solver'"),
    ],
)
def test_unknown_solvers(solver, schedule, message):
    with pytest.raises(ValueError, match=message):
        schedules.get_solver(solver, schedule)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.LinearBetas(1), "num_steps=1"),
        (lambda: schedules.LinearBetas(first=0.1, last=0.01), "last=0.01"),
        (lambda: schedules.LinearBetas(last=np.nan), "last=nan"),
        (lambda: schedules.RectifiedFlow(0.0), "shift=0.0"),
        (lambda: schedules.DDIM(1.5), "eta=1.5"),
        (lambda: schedules.LinearBetas(10).times(11), "from 1 to 10"),
        (lambda: FLOW.times(0), "num_steps=0"),
        (lambda: FLOW.check_prediction("epsilon"), "Use 'flow' or 'v'"),
        (lambda: BETAS.check_prediction("x0"), "'epsilon', 'v', 'flow'"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
