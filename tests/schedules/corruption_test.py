"""Discrete diffusion against a Markov chain of K + 1 states, in NumPy."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_vq import schedules
from keras_vq.schedules.corruption import Kept
from keras_vq.schedules.corruption import between
from keras_vq.schedules.corruption import divergence
from keras_vq.schedules.corruption import even_counts
from keras_vq.schedules.corruption import posterior
from tests.helpers import to_numpy

ABSORBING = schedules.Absorbing()
STEPS = {
    "replace": schedules.MaskAndReplace(10, (0.95, 0.02), (0.01, 0.9)),
    "mask": schedules.MaskAndReplace(10, (0.95, 0.02), (0.05, 0.98)),
}


def matrix(kept, num_codes):
    """Transitions between all states; the last is the mask."""
    m = np.zeros((num_codes + 1, num_codes + 1))
    m[:-1, :-1] = kept.replace + kept.keep * np.eye(num_codes)
    m[:-1, -1] = kept.mask
    m[-1, -1] = 1.0
    return m


def chain(corruption, num_codes):
    """The transition matrix of each of the T steps, from the definition."""
    kept = [
        corruption.kept(t / corruption.num_steps, num_codes)
        for t in range(corruption.num_steps + 1)
    ]
    steps = [
        between(later, earlier, num_codes)
        for earlier, later in itertools.pairwise(kept)
    ]
    return [matrix(step, num_codes) for step in steps], kept


def test_the_schedule_of_the_paper():
    corruption = schedules.MaskAndReplace(100)
    for index, keep, mask in (
        (0, 0.99999, 9e-6),
        (49, 0.50505, 0.494949),
        (99, 9e-6, 0.99999),
    ):
        kept = corruption.kept((index + 1) / 100, 974)
        assert kept.keep == pytest.approx(keep, rel=1e-5)
        assert kept.mask == pytest.approx(mask, rel=1e-5)
    first = corruption.kept(0.01, 974)
    assert first.replace == pytest.approx(1.02669e-9, rel=1e-5)


def test_the_log_linear_schedule():
    found = [ABSORBING.kept(t, 8).mask for t in (0.25, 0.5, 0.75)]
    assert found == pytest.approx([0.24975, 0.4995, 0.74925])


def test_fixed_counts_of_the_fast_variant():
    assert even_counts(1024, 10).tolist() == [69, *[102] * 8, 139]
    for num_codes, steps in ((5, 1), (7, 2), (3, 10), (0, 4)):
        counts = even_counts(num_codes, steps)
        assert len(counts) == steps
        assert counts.sum() == num_codes
        assert counts.min() >= 0


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("num_codes", [3, 5])
def test_the_steps_multiply_to_the_schedule(name, num_codes):
    steps, kept = chain(STEPS[name], num_codes)
    product = np.eye(num_codes + 1)
    for step, after in zip(steps, kept[1:], strict=True):
        assert step.min() >= 0
        np.testing.assert_allclose(step.sum(axis=1), 1.0)
        product = product @ step
        np.testing.assert_allclose(product, matrix(after, num_codes), atol=1e-9)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("num_codes", [3, 5])
def test_the_posterior_is_that_of_the_chain(name, num_codes):
    """Every entry, for every pair of times, by Bayes' rule."""
    steps, kept = chain(STEPS[name], num_codes)
    for s in range(10):
        for t in range(s + 1, 11):
            path = np.linalg.multi_dot([np.eye(num_codes + 1), *steps[s:t]])
            from_start = matrix(kept[s], num_codes)
            until_now = matrix(kept[t], num_codes)
            step = between(kept[t], kept[s], num_codes)
            for state in range(num_codes + 1):
                joint = from_start[:-1] * path[:, state]
                likely = until_now[:-1, state]
                possible = likely > 1e-12
                found = to_numpy(
                    posterior(
                        ops.full((num_codes, 1), state, "int32"),
                        ops.eye(num_codes)[:, None],
                        kept[t],
                        kept[s],
                        step,
                    )
                )[:, 0]
                np.testing.assert_allclose(
                    found[possible],
                    joint[possible] / likely[possible, None],
                    atol=2e-6,
                )


def test_the_posterior_averages_over_beliefs(rng):
    corruption = STEPS["replace"]
    before, after = corruption.kept(0.7, 4), corruption.kept(0.3, 4)
    step = between(before, after, 4)
    belief = rng.dirichlet(np.ones(4), size=(2, 5)).astype("float32")
    states = np.tile(np.arange(5, dtype="int32"), (2, 1))
    found = posterior(states, belief, before, after, step)
    expected = 0.0
    for code in range(4):
        sure = np.broadcast_to(np.eye(4, dtype="float32")[code], (2, 5, 4))
        one = to_numpy(posterior(states, sure, before, after, step))
        expected = expected + belief[..., code, None] * one
    np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(expected.sum(axis=-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("corruption", STEPS.values(), ids=STEPS)
def test_corrupted_codes_have_the_probabilities_of_the_schedule(
    corruption, rng
):
    codes = np.full((4, 50_000), 2, "int32")
    noise = rng.uniform(size=codes.shape).astype("float32")
    time = np.array([0.1, 0.4, 0.7, 1.0], "float32")
    found = to_numpy(corruption.corrupt(codes, time, noise, 3))
    for row, t in enumerate(time):
        kept = corruption.kept(t, 3)
        expected = np.array([0.0, 0.0, kept.keep, kept.mask])
        expected[:3] += kept.replace
        counts = np.bincount(found[row], minlength=4) / 50_000
        np.testing.assert_allclose(counts, expected, atol=0.01)


def test_nats_of_steps_are_divergences_of_the_chain(rng):
    corruption, k = STEPS["replace"], 4
    steps, kept = chain(corruption, k)
    codes = rng.integers(k, size=(3, 6)).astype("int32")
    states = rng.integers(k + 1, size=(3, 6)).astype("int32")
    logits = rng.normal(size=(3, 6, k))
    belief = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    time = np.array([0.1, 0.5, 1.0], "float32")  # t = 1, 5, 10
    found = to_numpy(
        corruption.nats(codes, states, np.log(belief).astype("float32"), time)
    )
    for row, t in enumerate((1, 5, 10)):
        before = matrix(kept[t - 1], k)
        until = matrix(kept[t], k)
        for i in range(6):
            state = states[row, i]

            def of(code, state=state, before=before, until=until, t=t):
                q = before[code] * steps[t - 1][:, state]
                return q / until[code, state]

            p = of(codes[row, i])
            q = sum(belief[row, i, c] * of(c) for c in range(k))
            positive = p > 0
            expected = np.sum(p[positive] * np.log(p[positive] / q[positive]))
            assert found[row, i] == pytest.approx(
                10 * expected, rel=1e-3, abs=1e-4
            )


def test_nats_of_continuous_time_weigh_masked_codes(rng):
    codes = np.array([[0, 1, 2]], "int32")
    states = np.array([[0, 3, 3]], "int32")
    log_probs = np.log(rng.dirichlet(np.ones(3), size=(1, 3)))
    found = ABSORBING.nats(
        codes, states, log_probs.astype("float32"), np.array([0.25], "float32")
    )
    weight = (1 - (1 - 0.24975) ** 3) / 0.25  # some code is masked
    expected = [0.0, *(-weight * log_probs[0, [1, 2], [1, 2]])]
    np.testing.assert_allclose(to_numpy(found)[0], expected, rtol=1e-5)


def test_masks_of_continuous_time_have_the_probability_given_one(rng):
    codes = np.zeros((100_000, 3), "int32")
    noise = rng.uniform(size=codes.shape).astype("float32")
    time = np.full(len(codes), 0.25, "float32")
    masked = to_numpy(ABSORBING.corrupt(codes, time, noise, 5)) == 5
    found = np.bincount(masked @ [1, 2, 4], minlength=8) / len(codes)
    p = 0.24975
    ones = np.array([bin(i).count("1") for i in range(8)])
    expected = p**ones * (1 - p) ** (3 - ones)
    expected[0] = 0.0
    np.testing.assert_allclose(found, expected / expected.sum(), atol=0.01)


def test_times_and_steps_of_sampling():
    corruption = schedules.MaskAndReplace(100)
    np.testing.assert_array_equal(
        corruption.times(3), np.array([100, 67, 33, 0]) / 100
    )
    numbers = corruption.steps(3, 8)
    np.testing.assert_allclose(numbers[:, 0], [1.0, 0.67, 0.33])
    np.testing.assert_array_equal(numbers[0, 1:4], [0, 0, 1])  # all masked
    np.testing.assert_array_equal(numbers[-1, 4:7], [1, 0, 0])  # all kept
    with pytest.raises(ValueError, match="integer from 1 to 100"):
        corruption.times(101)
    assert len(ABSORBING.times(1000)) == 1001


def test_divergence_of_equal_distributions_is_zero():
    p = np.array([[0.2, 0.8, 0.0]], "float32")
    assert to_numpy(divergence(p, p))[0] == 0
    q = np.array([[0.5, 0.25, 0.25]], "float32")
    expected = 0.2 * np.log(0.4) + 0.8 * np.log(3.2)
    assert to_numpy(divergence(p, q))[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.MaskAndReplace(1), "num_steps=1"),
        (lambda: schedules.MaskAndReplace(keep=0.5), "a pair of numbers"),
        (lambda: schedules.MaskAndReplace(keep=(0.9, 0.1, 0)), "a pair of"),
        (lambda: schedules.MaskAndReplace(mask=(0.0, 0.9)), "mask=0.0"),
        (lambda: schedules.MaskAndReplace(mask=(0.5, 0.9)), "sum to at most"),
        (lambda: schedules.Absorbing(0), "epsilon=0"),
        (lambda: schedules.Absorbing(float("nan")), "epsilon=nan"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_kept_sums_to_one():
    for corruption in (*STEPS.values(), ABSORBING):
        for time in (0.0, 0.3, 1.0):
            kept = Kept(*corruption.kept(time, 7))
            assert kept.keep + 7 * kept.replace + kept.mask == pytest.approx(1)
