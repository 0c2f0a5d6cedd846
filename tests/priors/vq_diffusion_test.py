import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import LatentGenerator
from keras_vq import networks
from keras_vq import priors
from keras_vq import samplers
from keras_vq import schedules
from keras_vq import zoo
from keras_vq.priors.loss_history import LossHistory
from keras_vq.schedules.corruption import Kept
from keras_vq.schedules.corruption import posterior
from tests.helpers import perturbed
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy

SHAPE, K = (2, 3), 5
REPLACING = schedules.MaskAndReplace(8, (0.9, 0.05), (0.05, 0.9))
CORRUPTIONS = [REPLACING, schedules.Absorbing()]


def create(corruption=REPLACING, num_classes=4, **kwargs):
    network = networks.DenoisingTransformer(
        SHAPE,
        K,
        num_classes,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        takes_time=True,
    )
    return priors.VQDiffusion(network, corruption, seed=1, **kwargs)


@pytest.fixture(params=CORRUPTIONS, ids=["replace", "absorb"], scope="module")
def prior(request):
    return perturbed(create(request.param, num_steps=4, label_dropout=0.3))


def test_the_network_sees_the_time(prior):
    codes = np.full((1, 6), K, "int32")
    first, second = (
        to_numpy(
            prior.log_probs(
                ops.convert_to_tensor(codes),
                ops.convert_to_tensor(np.array([t], "float32")),
                networks.Conditioning(np.array([1])),
            )
        )
        for t in (0.25, 0.5)
    )
    assert np.abs(first - second).max() > 1e-4


def test_truncation_is_the_default_of_top_p():
    truncated = perturbed(create(num_steps=2, truncation=0.3))
    plain = perturbed(create(num_steps=2))
    plain.set_weights(truncated.get_weights())
    options = {"labels": 1, "seed": 0}
    found = truncated.generate(20, **options)
    np.testing.assert_array_equal(
        found, plain.generate(20, top_p=0.3, **options)
    )
    known = np.zeros(found.shape, bool)
    completed = truncated.complete(np.zeros_like(found), known, **options)
    np.testing.assert_array_equal(completed, found)
    whole = truncated.generate(20, top_p=1.0, **options)
    assert (whole != found).any()
    np.testing.assert_array_equal(whole, plain.generate(20, **options))
    with pytest.raises(ValueError, match=r"truncation=1\.5"):
        create(truncation=1.5)


@pytest.mark.parametrize("fixed_counts", [False, True])
def test_sampling_against_a_loop(prior, fixed_counts):
    """Every step, with noise, guidance and exact posteriors or counts."""
    labels = np.array([2, 0])
    found = prior.generate(
        2, labels, seed=3, guidance_scale=1.5, fixed_counts=fixed_counts
    )
    noise = samplers.uniform_noise(3, 2, 48).reshape(2, 4, 2, 6)
    numbers = prior.corruption.steps(4, K)
    for row in range(2):
        codes = np.full((1, 6), K, "int32")
        for step in range(4):
            time = np.array([numbers[step, 0]])
            logits = [
                to_numpy(
                    prior.network(
                        codes.reshape(1, *SHAPE),
                        networks.Conditioning(np.array([label])),
                        time,
                    )
                ).reshape(6, K)
                for label in (labels[row], 4)
            ]
            logits = logits[1] + 1.5 * (logits[0] - logits[1])
            p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
            u, v = noise[row, step]
            drawn = np.sum(np.cumsum(p, -1)[:, :-1] <= u[:, None], axis=-1)
            if fixed_counts:
                purity = np.log(p.max(axis=-1)) - np.log(-np.log(v + 2**-25))
                purity[codes[0] != K] = -np.inf
                revealed = np.argsort(-purity)[: (1, 1, 1, 3)[step]]
                codes[0, revealed] = drawn[revealed]
                continue
            if not prior.corruption.replaces:
                drawn = np.where(codes[0] == K, drawn, codes[0])
            sure = np.eye(K, dtype="float32")[drawn][None]
            kept = [Kept(*numbers[step, i : i + 3]) for i in (1, 4, 7)]
            q = to_numpy(posterior(codes, sure, *kept))[0]
            cdf = np.cumsum(q, axis=-1)
            codes = np.sum(
                cdf[:, :-1] <= v[:, None] * cdf[:, -1:], axis=-1
            ).astype("int32")[None]
        np.testing.assert_array_equal(found[row].ravel(), codes[0])
    assert found.max() < K


def test_known_codes_are_kept(prior, rng):
    codes = rng.integers(K, size=(9, *SHAPE)).astype("int32")
    known = rng.uniform(size=codes.shape) < 0.5
    for fixed_counts in (False, True):
        drawn = prior.complete(
            codes, known, 1, seed=0, fixed_counts=fixed_counts
        )
        np.testing.assert_array_equal(drawn[known], codes[known])
        assert np.all((drawn >= 0) & (drawn < K))


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=["replace", "absorb"])
def test_the_bound_is_exact_for_codes_that_the_network_knows(corruption, rng):
    """Independent codes of a network that ignores its input: by hand."""
    prior = create(corruption, num_classes=None)
    bias = rng.normal(size=K)
    prior.network.logits.bias.assign(bias)
    log_p = bias - np.log(np.sum(np.exp(bias)))
    codes = np.arange(2000).reshape(-1, 1, 1) % K + np.zeros((1, *SHAPE), int)
    found = prior.log_prob(codes, num_times=64, batch_size=2000)
    expected = 6 * log_p[np.arange(2000) % K]
    if corruption.replaces:  # a bound; the network cannot see what is kept
        assert np.all(found.reshape(-1, K).mean(0) <= expected[:K] + 0.05)
    else:
        np.testing.assert_allclose(
            found.reshape(-1, K).mean(axis=0), expected[:K], rtol=0.04
        )


def test_the_bound_is_below_the_likelihood_of_the_sampler():
    """Two codes of two kinds, two steps: all paths of sampling, summed."""
    network = networks.DenoisingTransformer(
        (2,), 2, num_layers=1, num_heads=2, hidden_dim=8, takes_time=True
    )
    corruption = schedules.MaskAndReplace(2, (0.7, 0.01), (0.2, 0.98))
    prior = perturbed(priors.VQDiffusion(network, corruption))
    states = list(itertools.product(range(3), repeat=2))

    def step(state, numbers):
        """Probabilities of all earlier states."""
        x = np.array([state], "int32")
        p = np.exp(
            to_numpy(
                prior.log_probs(
                    ops.convert_to_tensor(x),
                    ops.convert_to_tensor(numbers[:1]),
                    networks.Conditioning(),
                )
            )
        )
        kept = [Kept(*numbers[i : i + 3]) for i in (1, 4, 7)]
        q = to_numpy(posterior(x, p, *kept))[0]
        q /= q.sum(axis=-1, keepdims=True)
        return {s: q[0, s[0]] * q[1, s[1]] for s in states}

    first, last = corruption.steps(2, 2)
    # log_prob has one more step at the start, from masks alone to time 1.
    kept = corruption.kept(1.0, 2)
    start = np.array([1.0, 0, 0, 1, *kept, *kept], "float32")
    rest = np.concatenate([first[:1], kept, first[4:7], first[7:]])
    now, then = (corruption.kept(t, 2) for t in (1.0, 0.5))
    keep, mask = now.keep / then.keep, 1 - (1 - now.mask) / (1 - then.mask)
    rest[7:] = keep, (1 - keep - mask) / 2, mask
    rows = [start, rest.astype("float32"), last]
    rows[0][7:] = 0.0, 0.0, 1.0
    likelihood = {s: float(s == (2, 2)) for s in states}
    for numbers in rows:
        following = dict.fromkeys(states, 0.0)
        for state, p in likelihood.items():
            if p:
                for s, q in step(state, numbers).items():
                    following[s] += p * q
        likelihood = following
    assert sum(likelihood.values()) == pytest.approx(1, abs=1e-4)
    codes = np.array(list(itertools.product(range(2), repeat=2)))
    many = np.repeat(codes, 500, axis=0)
    found = prior.log_prob(many, num_times=2, batch_size=500)
    found = found.reshape(4, 500).mean(axis=1)
    exact = np.log([likelihood[tuple(c)] for c in codes])
    assert np.all(found < exact)

    def bound(code):
        """Over all states at each time, in place of samples."""
        total = 0.0
        for numbers in rows:
            now = [Kept(*numbers[i : i + 3]) for i in (1, 4, 7)]
            for state in states:
                p = 1.0
                for c, x in zip(code, state, strict=True):
                    is_same = now[0].keep * (c == x) + now[0].replace
                    p *= now[0].mask if x == 2 else is_same
                if p:
                    sure = np.eye(2, dtype="float32")[list(code)][None]
                    q = to_numpy(
                        posterior(np.array([state], "int32"), sure, *now)
                    )[0]
                    q /= q.sum(axis=-1, keepdims=True)
                    for s, found in step(state, numbers).items():
                        true = q[0, s[0]] * q[1, s[1]]
                        if true:
                            total -= p * true * np.log(true / found)
        return total

    expected = [bound(tuple(c)) for c in codes]
    np.testing.assert_allclose(found, expected, rtol=0.06)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=["replace", "absorb"])
def test_training_finds_the_label_s_code(corruption):
    prior = create(corruption)
    prior.compile(keras.optimizers.Adam(0.02))
    labels = np.arange(64) % 4
    codes = np.broadcast_to(labels[:, None, None], (64, *SHAPE))
    before = prior.evaluate(codes, labels, verbose=0, return_dict=True)
    prior.fit(codes, labels, epochs=50, batch_size=16, verbose=0)
    after = prior.evaluate(codes, labels, verbose=0, return_dict=True)
    assert after["accuracy"] > 0.9
    assert after["bound"] < 0.3 * before["bound"]
    drawn = prior.generate(4, labels=[0, 1, 2, 3], temperature=0.5, seed=0)
    assert np.mean(drawn == np.arange(4)[:, None, None]) > 0.9


def test_generator_draws_inpaints_and_is_saved(rng, tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=K)
    prior = zoo.vq_diffusion(
        tokenizer,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        corruption="absorbing",
        num_steps=3,
    )
    generator = LatentGenerator(tokenizer, perturbed(prior))
    images = tiny_images(rng, 2)
    mask = np.zeros(images.shape[1:3], bool)
    mask[:4] = True
    for outputs in (
        generator.generate(2, seed=0, num_steps=2),
        generator.inpaint(images, mask, seed=0),
    ):
        assert outputs.shape == images.shape
    generator.save(tmp_path / "generator.keras")
    restored = keras.models.load_model(tmp_path / "generator.keras")
    assert isinstance(restored.prior.corruption, schedules.Absorbing)
    np.testing.assert_array_equal(
        restored.generate(2, seed=1), generator.generate(2, seed=1)
    )


def test_large_losses_are_drawn_more_often(rng):
    history = LossHistory(3)
    index = np.tile(np.arange(3, dtype="int32"), 10)
    np.testing.assert_allclose(to_numpy(history.probabilities()), 1 / 3)
    losses = np.array([1.0, 2.0, 5.0], "float32")[index]
    history.update(ops.convert_to_tensor(index), ops.convert_to_tensor(losses))
    p = to_numpy(history.probabilities())
    np.testing.assert_allclose(p, [1 / 8, 2 / 8, 5 / 8], atol=1e-3)
    noise = rng.uniform(size=20_000).astype("float32")
    drawn, weight = map(to_numpy, history.draw(ops.convert_to_tensor(noise)))
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, p, atol=0.02)
    weighted = weight * np.array([1.0, 2.0, 5.0])[drawn]
    assert weighted.mean() == pytest.approx(8 / 3, rel=0.02)
    # A batch without the first time leaves its loss as it was.
    history.update(
        ops.convert_to_tensor(np.array([1], "int32")),
        ops.convert_to_tensor(np.array([4.0], "float32")),
    )
    np.testing.assert_allclose(
        to_numpy(history.squares)[:2], [0.1, 0.9 * 0.4 + 1.6], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"corruption": "absorbing"}, "keras_vq.schedules.Corruption"),
        ({"num_steps": 9}, "from 1 to 8. Received: num_steps=9"),
        ({"auxiliary_weight": -1.0}, "auxiliary_weight=-1.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        create(**arguments)


def test_bad_calls(prior):
    with pytest.raises(ValueError, match="num_steps=0"):
        prior.generate(1, 0, num_steps=0)
    with pytest.raises(ValueError, match="fixed_counts='yes'"):
        prior.generate(1, 0, fixed_counts="yes")
    network = networks.DenoisingTransformer(SHAPE, K, num_layers=1)
    with pytest.raises(ValueError, match="takes_time=True"):
        priors.VQDiffusion(network)
