import itertools

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import networks
from keras_vq import priors
from keras_vq import samplers
from keras_vq import zoo
from tests.helpers import perturbed
from tests.helpers import run
from tests.reference import autoregressive

SMALL = {"hidden_dim": 8, "num_layers": 2, "first_kernel_size": 5}


def levels_of(shapes, num_embeddings, **kwargs):
    top, *others = zip(shapes, num_embeddings, strict=True)
    level_networks = [
        networks.PixelSNAIL(
            *top, num_attentions=1, num_heads=2, **SMALL, **kwargs
        ),
        *(
            networks.PixelCNN(*other, condition_dim=6, **SMALL, **kwargs)
            for other in others
        ),
    ]
    return [priors.AutoregressivePrior(n) for n in level_networks]


def create(shapes, num_embeddings, **kwargs):
    keras.utils.set_random_seed(0)
    prior = priors.HierarchicalPrior(
        levels_of(shapes, num_embeddings, **kwargs), num_residual_layers=1
    )
    prior.compile("adam")
    return perturbed(prior)


@pytest.fixture(scope="module")
def prior():
    """A prior of two maps, with labels."""
    return create([(2, 3), (4, 6)], [5, 4], num_classes=3)


def tiny_vqvae2(input_shape, quantizers):
    return zoo.vqvae2(
        input_shape,
        num_embeddings=8,
        embedding_dim=4,
        quantizers=quantizers,
        hidden_dim=8,
        num_residual_layers=1,
        residual_hidden_dim=4,
    )


def random_codes(rng, prior, count):
    return tuple(
        rng.integers(k, size=(count, *shape), dtype="int32")
        for shape, k in prior.code_maps
    )


def test_probabilities_of_all_codes_sum_to_one():
    prior = create([(1, 1), (2, 2)], [2, 3])
    codes = itertools.product(range(2), *[range(3)] * 4)
    top, bottom = np.split(np.array(list(codes)), [1], axis=1)
    maps = top.reshape(-1, 1, 1), bottom.reshape(-1, 2, 2)
    log_p = prior.log_prob(maps).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)


def test_level_sees_all_codes_above_and_none_below(rng):
    prior = create([(1, 2), (2, 4), (4, 8)], [3, 4, 5])
    codes = random_codes(rng, prior, 6)
    # Four batches in one: the codes, and with each of the maps changed.
    maps = [np.stack([level] * 4) for level in codes]
    for i, (_, k) in enumerate(prior.code_maps):
        maps[i][1 + i] = (maps[i][1 + i] + 1) % k
    logits = run(prior, tuple(m.reshape(-1, *m.shape[2:]) for m in maps))
    for level, found in enumerate(logits):
        base, *others = found.reshape(4, 6, -1, found.shape[-1])
        for changed, other in enumerate(others):
            differs = np.abs(other - base).max(axis=(0, 2))
            if level < changed:
                assert differs.max() == 0
            elif level > changed:
                assert differs.min() > 1e-6
            elif level < 2:
                assert differs.max() > 1e-6


def test_draws_follow_the_probabilities_level_by_level(prior):
    labels = np.array([2, 0, 1], "int32")
    found = prior.generate(3, labels, seed=11, batch_size=2)
    noise = np.split(samplers.uniform_noise(11, 3, 30), [6], axis=1)
    logits = run(prior, (found, labels))
    for level, *drawn_from in zip(found, logits, noise, strict=True):
        np.testing.assert_array_equal(
            level, autoregressive.choices(*drawn_from)
        )


def test_losses_are_nats_per_code_of_each_level(prior, rng):
    codes, labels = random_codes(rng, prior, 8), rng.integers(3, size=8)
    found = prior.evaluate(codes, labels, verbose=0, return_dict=True)
    nats = -prior.log_prob(codes, labels).mean()
    assert found["loss"] * 30 == pytest.approx(nats, rel=1e-4)
    by_level = 6 * found["loss_0"] + 24 * found["loss_1"]
    assert by_level == pytest.approx(nats, rel=1e-4)


def test_inpainting_keeps_the_codes_without_a_masked_pixel(prior, rng):
    tokenizer = tiny_vqvae2(
        (16, 24, 3), [layers.VectorQuantizer(k, 4) for k in (5, 4)]
    )
    images = rng.uniform(size=(2, 16, 24, 3)).astype("float32")
    mask = np.zeros((16, 24), bool)
    mask[:2, 22:] = True  # in the last code of the first row of each level
    codes, labels = tokenizer.encode(images), np.array([0, 2])
    known = tuple(np.ones(level.shape, bool) for level in codes)
    for level in known:
        level[:, 0, -1] = False
    drawn = prior.complete(codes, known, labels, seed=0, batch_size=2)
    for before, after, is_known in zip(codes, drawn, known, strict=True):
        np.testing.assert_array_equal(after[is_known], before[is_known])
    found = LatentGenerator(tokenizer, prior).inpaint(
        images, mask, labels=labels, seed=0, batch_size=2
    )
    np.testing.assert_allclose(found, tokenizer.decode(drawn), atol=1e-6)


def test_prior_of_the_factory_trains_and_is_saved(rng, tmp_path):
    tokenizer = tiny_vqvae2((16, 16, 3), None)
    prior = zoo.vqvae2_prior(
        tokenizer,
        num_classes=2,
        hidden_dim=8,
        num_layers=2,
        num_attentions=1,
        num_heads=2,
        num_residual_layers=1,
        label_dropout=0.2,
    )
    codes = random_codes(rng, prior, 16)
    labels = rng.integers(2, size=16, dtype="int32")
    history = prior.fit(codes, labels, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert {"loss_0", "loss_1", "bits_per_dim"} <= set(history)
    LatentGenerator(tokenizer, prior).save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    x = (codes, labels)
    for a, b in zip(run(loaded.prior, x), run(prior, x), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_data_is_checked(prior, rng):
    codes = random_codes(rng, prior, 4)
    with pytest.raises(ValueError, match=r"takes a tuple of 2 maps.*1 maps"):
        prior.log_prob(codes[:1], [0] * 4)
    with pytest.raises(ValueError, match=r"indices\[1\] from .* to 9"):
        prior.fit((codes[0], codes[1] * 0 + 9), np.zeros(4, int))
    with pytest.raises(ValueError, match="needs a label"):
        prior.fit(codes)


def test_levels_must_fit_together():
    top, bottom = levels_of([(2, 3), (4, 6)], [5, 4], num_classes=3)
    _, unlabeled = levels_of([(2, 3), (4, 6)], [5, 4])
    _, odd = levels_of([(2, 3), (4, 7)], [5, 4], num_classes=3)
    two_codes = priors.AutoregressivePrior(
        networks.PixelCNN((2, 3, 2), 5, codes_per_position=2, **SMALL)
    )
    for levels, message in (
        ([top], "two or more"),
        ([top, unlabeled], r"same `num_classes`.*\[3, None\]"),
        ([top, top], "must be created with `condition_dim`"),
        ([bottom, bottom], "The top level must not have a condition"),
        ([two_codes, bottom], "one code per position.*codes_per_position=2"),
        ([top, odd], r"must be a multiple.*\(4, 7\) below \(2, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            priors.HierarchicalPrior(levels)
