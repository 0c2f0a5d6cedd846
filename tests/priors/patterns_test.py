"""Priors of several codes per time, arranged in sequences."""

import itertools

import numpy as np
import pytest

from keras_vq import layers
from keras_vq import networks
from keras_vq import priors
from keras_vq import zoo
from keras_vq.priors.delay import delayed
from keras_vq.priors.delay import undelayed
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import to_numpy
from tests.reference.autoregressive import choices

SIZES = {
    "WaveNet": {"hidden_dim": 8, "skip_dim": 8, "num_layers": 2},
    "Transformer": {"hidden_dim": 8, "num_layers": 1, "num_heads": 2},
}


def create(kind, pattern, time=2, stages=2, num_embeddings=3):
    is_delayed = pattern == "delayed"
    network = getattr(networks, kind)(
        (time + stages - 1, stages) if is_delayed else (time, stages),
        num_embeddings,
        codes_per_position=stages if is_delayed else 1,
        **SIZES[kind],
    )
    return perturbed(priors.AutoregressivePrior(network, is_delayed=is_delayed))


every_pattern = pytest.mark.parametrize(
    ("kind", "pattern"),
    list(itertools.product(SIZES, ("flattened", "delayed"))),
)


def test_delay():
    codes = np.array([[[1, 10, 100], [2, 20, 200]]])
    arranged = to_numpy(delayed(codes, fill=0))
    np.testing.assert_array_equal(
        arranged[0].T, [[1, 2, 0, 0], [0, 10, 20, 0], [0, 0, 100, 200]]
    )
    np.testing.assert_array_equal(to_numpy(undelayed(arranged)), codes)


@every_pattern
def test_probabilities_of_all_codes_sum_to_one(kind, pattern):
    prior = create(kind, pattern)
    codes = np.array(list(itertools.product(range(3), repeat=4)))
    log_p = prior.log_prob(codes.reshape(-1, 2, 2)).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)
    assert log_p.std() > 0.1


@every_pattern
def test_draws_follow_the_probabilities(kind, pattern, rng):
    prior = create(kind, pattern, time=4, stages=3, num_embeddings=8)
    found = prior.generate(5, seed=4, batch_size=2)
    np.testing.assert_array_equal(found, choices(run(prior, found), 4))
    known = rng.random(found.shape) < 0.5
    kept = prior.complete(found, known, seed=5)
    np.testing.assert_array_equal(kept[known], found[known])
    assert (kept[~known] != found[~known]).any()


@pytest.mark.parametrize("kind", SIZES)
def test_a_delayed_code_sees_earlier_positions_and_stages(kind, rng):
    prior = create(kind, "delayed", time=3, stages=2, num_embeddings=8)
    codes = rng.integers(8, size=(1, 3, 2)).astype("int32")
    logits = run(prior, codes)
    order = {(t, s): (t + s, s) for t in range(3) for s in range(2)}
    for at, position in order.items():
        changed = codes.copy()
        changed[0][at] = (changed[0][at] + 1) % 8
        differs = np.abs(run(prior, changed) - logits).max(axis=-1)[0] > 1e-6
        for other, later in order.items():
            assert differs[other] == (later > position), (at, other)


@pytest.fixture(scope="module")
def tokenizer():
    quantizer = layers.ResidualVectorQuantizer(
        layers.VectorQuantizer(8, 4), num_stages=2
    )
    return zoo.vqvae((32, 1), hidden_dim=4, quantizer=quantizer)


@pytest.mark.parametrize("pattern", ["depthwise", "flattened", "delayed"])
@pytest.mark.parametrize("factory", ["wavenet", "transformer"])
def test_factories(factory, pattern, tokenizer):
    prior = getattr(zoo, factory)(
        tokenizer, pattern=pattern, hidden_dim=8, num_layers=1
    )
    codes = tokenizer.encode(np.zeros((2, 32, 1)))
    prior.fit(codes, verbose=0)
    assert prior.code_shape == (8, 2)
    assert prior.is_delayed == (pattern == "delayed")
    positions = {"depthwise": 8, "flattened": 16, "delayed": 9}
    assert prior.num_positions == positions[pattern]


def test_bad_patterns(tokenizer):
    with pytest.raises(ValueError, match=r"'flattened', 'delayed'.*'flat'"):
        zoo.wavenet(tokenizer, pattern="flat")
    images = zoo.vqvae((16, 16, 1), hidden_dim=4)
    with pytest.raises(ValueError, match=r"several codes.*'flattened'"):
        zoo.transformer(images, pattern="flattened")
    with pytest.raises(ValueError, match=r"sequences.*\(4, 4\)"):
        zoo.wavenet(images)
    stages = layers.ResidualVectorQuantizer(layers.VectorQuantizer(8, 4))
    images = zoo.vqvae((16, 16, 1), hidden_dim=4, quantizer=stages)
    with pytest.raises(ValueError, match=r"sequences.*\(4, 4, 4\)"):
        zoo.transformer(images, pattern="delayed")
    with pytest.raises(ValueError, match=r"is_delayed=True.*\(4,\)"):
        priors.AutoregressivePrior(
            networks.Transformer((4,), 8, num_layers=1), is_delayed=True
        )
    with pytest.raises(ValueError, match=r"as many positions.*\(1, 2\)"):
        priors.AutoregressivePrior(
            networks.WaveNet((1, 2), 8, codes_per_position=2), is_delayed=True
        )
    with pytest.raises(ValueError, match=r"keep step.*'delayed'"):
        zoo.wavenet(tokenizer, pattern="delayed", condition_dim=3)
    with pytest.raises(ValueError, match=r"keep step.*\(3, 4\)"):
        priors.AutoregressivePrior(
            networks.WaveNet((3, 2), 8, codes_per_position=2, condition_dim=4),
            is_delayed=True,
        )
    delayed_prior = create("WaveNet", "delayed")
    with pytest.raises(ValueError, match="is_delayed=True"):
        delayed_prior.resized((4, 2))
