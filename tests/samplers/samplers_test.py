import numpy as np
import pytest

from keras_vq import ops
from keras_vq import samplers
from keras_vq.samplers.uniform_noise import threefry
from tests.helpers import to_numpy

LOGITS = np.log([0.1, 0.4, 0.2, 0.2, 0.1]).astype("float32")


def shares(sampler, logits=LOGITS, count=2000):
    """Share of each code over evenly spaced random numbers."""
    noise = ((np.arange(count) + 0.5) / count).astype("float32")
    codes = to_numpy(sampler(np.tile(logits, (count, 1)), noise))
    assert codes.dtype == "int32"
    return np.bincount(codes, minlength=len(logits)) / count


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (samplers.RandomSampler(), [0.1, 0.4, 0.2, 0.2, 0.1]),
        (samplers.RandomSampler(0.5), np.array([1, 16, 4, 4, 1]) / 26),
        (samplers.GreedySampler(), [0, 1, 0, 0, 0]),
        (samplers.TopKSampler(1), [0, 1, 0, 0, 0]),
        # Of equal logits at the cutoff, the first one.
        (samplers.TopKSampler(2), [0, 2 / 3, 1 / 3, 0, 0]),
        (samplers.TopKSampler(9), [0.1, 0.4, 0.2, 0.2, 0.1]),
        (samplers.TopPSampler(1e-6), [0, 1, 0, 0, 0]),
        (samplers.TopPSampler(0.5), [0, 2 / 3, 1 / 3, 0, 0]),
        (samplers.TopPSampler(0.7), [0, 0.5, 0.25, 0.25, 0]),
        (samplers.TopPSampler(0.7, k=2), [0, 2 / 3, 1 / 3, 0, 0]),
        (samplers.TopPSampler(1.0), [0.1, 0.4, 0.2, 0.2, 0.1]),
    ],
)
def test_shares_are_the_probabilities(sampler, expected):
    np.testing.assert_allclose(shares(sampler), expected, atol=2e-3)


def test_get_returns_the_sampler_for_the_settings():
    def described(*args):
        sampler = samplers.get(*args)
        return type(sampler).__name__, sampler.get_config()

    assert described() == ("RandomSampler", {"temperature": 1.0})
    assert described(0) == ("GreedySampler", {})
    assert described(0.5, 3) == ("TopKSampler", {"temperature": 0.5, "k": 3})
    config = {"temperature": 1.0, "p": 0.9, "k": 3}
    assert described(1.0, 3, 0.9) == ("TopPSampler", config)


def test_codes_without_probability_are_never_drawn():
    p = np.array([0, 1e-9, 0, 0.3, 0, 0.7, 0], "float32")
    noise = np.concatenate([np.linspace(0, 1, 999), [np.nextafter(1, 0)]])
    codes = to_numpy(
        ops.inverse_cdf(np.tile(p, (1000, 1)), noise.astype("float32"))
    )
    assert set(codes) <= {1, 3, 5}
    assert np.bincount(codes)[3] == pytest.approx(300, abs=2)


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (
            lambda: samplers.RandomSampler(0.0),
            "`temperature` must be .*> 0.*=0.0",
        ),
        (lambda: samplers.get(-1), "`temperature` must be .*>= 0.*=-1"),
        (lambda: samplers.get(float("nan")), "`temperature`.*=nan"),
        (lambda: samplers.TopKSampler(0), "`top_k` must be .*=0"),
        (lambda: samplers.TopKSampler(1.5), "`top_k` must be .*=1.5"),
        (lambda: samplers.TopPSampler(0), r"`top_p` must be .*in \(0, 1\].*=0"),
        (lambda: samplers.get(1.0, 0, 0.5), "`top_k` must be .*=0"),
        (
            lambda: samplers.get(0, top_p=2),
            r"`top_p` must be .*in \(0, 1\].*=2",
        ),
    ],
)
def test_bad_arguments(create, message):
    with pytest.raises(ValueError, match=message):
        create()


def test_noise_is_threefry_2x32():
    # Known answers of Random123 for Threefry-2x32 with 20 rounds.
    def first_word(key, x, y):
        # The second word of the key is always 0 here.
        return int(
            threefry(
                np.uint32(key),
                np.array([x], "uint32"),
                np.array([y], "uint32"),
                np.uint32,
                lambda v, r: (v << np.uint32(r)) | (v >> np.uint32(32 - r)),
            )[0]
        )

    assert first_word(0, 0, 0) == 0x6B200159


def test_noise_is_uniform_and_depends_on_seed_row_and_column_alone():
    noise = samplers.uniform_noise(7, 400, 300)
    assert noise.dtype == "float32"
    assert 0 <= noise.min() < 1e-3
    assert 1 - 1e-3 < noise.max() < 1
    counts, _ = np.histogram(noise, 50, (0, 1))
    # Chi-squared with 49 degrees of freedom.
    assert np.sum((counts - 2400) ** 2 / 2400) < 100
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(noise[:, 1], noise[:, 0])[0, 1]) < 0.2
    np.testing.assert_array_equal(samplers.uniform_noise(7, 3, 300), noise[:3])
    assert (samplers.uniform_noise(8, 3, 300) != noise[:3]).mean() > 0.99
    fresh = [samplers.uniform_noise(None, 2, 2) for _ in range(2)]
    assert (fresh[0] != fresh[1]).any()
    for seed in (-1, 2**31):
        with pytest.raises(ValueError, match=f"seed={seed}"):
            samplers.uniform_noise(seed, 1, 1)
