import itertools

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import data
from keras_vq import priors
from keras_vq import samplers
from keras_vq import zoo
from tests.helpers import to_numpy
from tests.reference import autoregressive

SMALL = {"hidden_dim": 8, "num_layers": 2}


def tiny(shapes=((2, 3), (4, 6)), num_embeddings=(5, 4), **kwargs):
    top = priors.PixelSNAIL(
        shapes[0],
        num_embeddings[0],
        num_blocks=1,
        num_heads=2,
        **SMALL,
        **kwargs,
    )
    others = [
        priors.PixelCNN(shape, k, condition_dim=6, **SMALL, **kwargs)
        for shape, k in zip(shapes[1:], num_embeddings[1:], strict=True)
    ]
    prior = priors.HierarchicalPrior([top, *others], num_residual_layers=1)
    rng = np.random.default_rng(0)
    for w in prior.trainable_weights:
        w.assign(w + 0.3 * rng.normal(size=w.shape))
    return prior


def random_codes(rng, prior, count):
    return tuple(
        rng.integers(k, size=(count, *shape), dtype="int32")
        for shape, k in prior.code_maps
    )


def test_probabilities_of_all_codes_sum_to_one():
    prior = tiny(((1, 1), (2, 2)), (2, 3))
    tops, bottoms = [], []
    for top in range(2):
        for bottom in itertools.product(range(3), repeat=4):
            tops.append(top)
            bottoms.append(bottom)
    codes = (
        np.reshape(tops, (-1, 1, 1)),
        np.reshape(bottoms, (-1, 2, 2)),
    )
    log_p = prior.log_prob(codes).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)


def test_a_level_sees_all_codes_above_and_none_below(rng):
    prior = tiny(((1, 2), (2, 4), (4, 8)), (3, 4, 5))
    codes = random_codes(rng, prior, 6)
    base = to_numpy(prior(codes))
    for changed, (_, k) in enumerate(prior.code_maps):
        other = list(codes)
        other[changed] = (other[changed] + 1) % k
        logits = to_numpy(prior(tuple(other)))
        for level in range(3):
            differs = np.abs(logits[level] - base[level]).max(axis=(0, -1))
            if level < changed:
                assert differs.max() == 0
            elif level > changed:
                assert differs.min() > 1e-6
        assert changed == 2 or not np.array_equal(logits[2], base[2])


def test_it_draws_what_the_slow_loop_draws_level_by_level():
    prior = tiny(num_classes=3)
    labels = np.array([2, 0, 1], "int32")
    found = prior.generate(3, labels, seed=11, batch_size=2)
    noise = np.split(samplers.uniform_noise(11, 3, 30), [6], axis=1)
    expected = []
    for i, level in enumerate(prior.levels):

        def logits_of(codes, labels, i=i):
            maps = [*expected, codes, *found[i + 1 :]]
            return prior((tuple(maps), labels))[i]

        expected.append(
            autoregressive.draw(
                level,
                3,
                labels,
                noise[i],
                autoregressive.random_code,
                logits_of,
            )
        )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_losses_are_nats_per_code_of_each_level(rng):
    prior = tiny(num_classes=3)
    prior.compile("adam")
    codes, labels = random_codes(rng, prior, 8), rng.integers(3, size=8)
    found = prior.evaluate(codes, labels, verbose=0, return_dict=True)
    nats = -prior.log_prob(codes, labels).mean()
    assert found["loss"] * 30 == pytest.approx(nats, rel=1e-4)
    by_level = 6 * found["loss_0"] + 24 * found["loss_1"]
    assert by_level == pytest.approx(nats, rel=1e-4)


def test_it_trains_saves_and_makes_images(rng, tmp_path):
    tokenizer = zoo.vqvae2(
        (16, 16, 3),
        num_embeddings=8,
        embedding_dim=4,
        hidden_dim=8,
        num_residual_layers=1,
        residual_hidden_dim=4,
    )
    prior = zoo.vqvae2_prior(
        tokenizer,
        num_classes=2,
        hidden_dim=8,
        num_layers=2,
        num_blocks=1,
        num_heads=2,
        label_dropout=0.2,
    )
    images = rng.uniform(size=(16, 16, 16, 3)).astype("float32")
    codes, labels = tokenizer.encode(images), rng.integers(2, size=16)
    history = prior.fit(codes, labels, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert {"loss_0", "loss_1", "bits_per_dim"} <= set(history)
    generator = LatentGenerator(tokenizer, prior)
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(
        again.prior.log_prob(codes, labels),
        prior.log_prob(codes, labels),
        rtol=1e-5,
    )
    mask = np.zeros((16, 16), bool)
    mask[:2, 14:] = True  # in the last code of the first row of each level
    known = tuple(np.ones(level.shape, bool) for level in codes)
    for level in known:
        level[:, 0, -1] = False
    drawn = prior.complete(codes, known, labels, seed=0)
    np.testing.assert_allclose(
        generator.inpaint(images, mask, labels=labels, seed=0),
        tokenizer.decode(drawn),
        atol=1e-6,
    )


def test_codes_of_several_maps_are_loaded(scenes_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)
    tokenizer = zoo.vqvae2((32, 32, 3), num_embeddings=8, hidden_dim=8)
    options = {"split": "test[:40]", "batch_size": 25}
    batches = list(data.load_codes(tokenizer, "scenes", **options))
    ((top, bottom),) = batches[0]
    assert (top.shape, bottom.shape) == ((25, 4, 4), (25, 8, 8))
    assert len(batches) == 2
    (top, bottom), labels = next(
        iter(data.load_codes(tokenizer, "scenes", labels=True, **options))
    )
    assert (top.shape, labels.shape) == ((25, 4, 4), (25,))


def test_what_is_wrong_is_said(rng):
    prior = tiny(num_classes=3)
    prior.compile("adam")
    codes = random_codes(rng, prior, 4)
    with pytest.raises(ValueError, match="takes a tuple of 2 to 2 maps"):
        prior.log_prob(codes[:1], [0] * 4)
    with pytest.raises(ValueError, match=r"indices\[1\] from .* to 9"):
        prior.fit((codes[0], codes[1] * 0 + 9), np.zeros(4, int))
    with pytest.raises(ValueError, match="needs a label"):
        prior.fit(codes)
    top, bottom = prior.levels
    make = priors.HierarchicalPrior
    for levels, message in (
        ([top], "two or more"),
        ([top, tiny().levels[1]], "same `num_classes`"),
        ([top, top], "must be made with `condition_dim`"),
        ([bottom, bottom], "The top level is conditioned on no map"),
    ):
        with pytest.raises(ValueError, match=message):
            make(levels)
    deep = priors.PixelCNN((2, 3, 2), 5, depth=2, **SMALL)
    with pytest.raises(ValueError, match=r"one code a position.*depth=2"):
        make([deep, bottom])
    odd = priors.PixelCNN((4, 7), 4, num_classes=3, condition_dim=2, **SMALL)
    with pytest.raises(ValueError, match="whole multiples of those above"):
        make([top, odd])
