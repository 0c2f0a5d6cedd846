import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import networks
from keras_vq import priors
from keras_vq import samplers
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import to_numpy
from tests.networks import causal_networks
from tests.networks.causal_networks import NUM_CLASSES
from tests.networks.causal_networks import NUM_EMBEDDINGS
from tests.networks.causal_networks import random_codes
from tests.networks.causal_networks import random_conditioning
from tests.reference import autoregressive

LABELS = {"num_classes": NUM_CLASSES}
CONDITION = {"has_condition": True}
TWO_CODES = {"codes_per_position": 2}


def create(kind, position_shape=None, label_dropout=0.0, noise=True, **kwargs):
    """A prior with a small network, by default with noise on its weights."""
    network = causal_networks.create(kind, position_shape, **kwargs)
    prior = priors.AutoregressivePrior(
        network, label_dropout=label_dropout, tokenizer_fingerprint="0123"
    )
    return perturbed(prior) if noise else prior


def inputs_of(codes, conditioning):
    """The inputs of a prior."""
    labels, condition = conditioning
    inputs = codes if condition is None else (codes, condition)
    return inputs if labels is None else (inputs, labels)


@pytest.fixture(scope="module")
def prior():
    """A prior with labels and label dropout."""
    return create("PixelCNN", label_dropout=0.5, **LABELS)


@pytest.fixture(scope="module")
def labeled_prior():
    """A prior that needs a label."""
    prior = create("PixelCNN", num_layers=1, **LABELS)
    prior.compile("adam")
    return prior


# === Probabilities ===


def test_each_code_depends_on_all_before_and_on_none_after(rng):
    prior = create("PixelCNN", (2, 3), **TWO_CODES)
    codes = rng.integers(NUM_EMBEDDINGS, size=(8, 1, 12))
    changed = codes + np.eye(12, dtype=int)
    maps = np.concatenate([codes, changed % NUM_EMBEDDINGS], axis=1)
    maps = maps.reshape(8, 13, 2, 3, 2).astype("int32")
    # In batches of their own: kernels may round rows of a batch differently.
    logits = np.stack([run(prior, maps[:, i]) for i in range(13)], axis=1)
    logits = logits.reshape(8, 13, 12, NUM_EMBEDDINGS)
    differs = np.abs(logits[:, 1:] - logits[:, :1]).max(axis=(0, 3))
    is_earlier = np.triu(np.ones((12, 12), bool), k=1)  # [changed, code]
    assert (differs[~is_earlier] == 0).all()
    assert (differs[is_earlier] > 1e-6).all()


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("PixelCNN", (2, 1)), LABELS | CONDITION | TWO_CODES),
        (("Transformer", (2, 2)), {"tie_weights": True}),
        (("WaveNet", (4,)), LABELS),
    ],
)
def test_probabilities_of_all_codes_sum_to_one(args, kwargs, rng):
    prior = create(*args, num_embeddings=3, **kwargs)
    codes = np.array(list(itertools.product(range(3), repeat=4)))
    labels, condition = (
        None if part is None else np.repeat(part, len(codes), axis=0)
        for part in random_conditioning(rng, prior.network, 1)
    )
    log_p = prior.log_prob(
        codes.reshape(-1, *prior.code_shape), labels, condition
    ).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)
    assert log_p.std() > 0.1


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [("PixelCNN", LABELS), ("WaveNet", LABELS | CONDITION | TWO_CODES)],
)
def test_loss_is_the_mean_of_log_prob(kind, kwargs, rng):
    prior = create(kind, **kwargs)
    prior.compile("adam")
    codes = random_codes(rng, prior.network, 10)
    labels, condition = random_conditioning(rng, prior.network, 10)
    found = prior.evaluate(
        codes if condition is None else (codes, condition),
        labels,
        batch_size=4,
        verbose=0,
        return_dict=True,
    )
    log_p = prior.log_prob(codes, labels, condition, batch_size=3)
    nats = -log_p.mean() / prior.num_codes
    assert found["loss"] == pytest.approx(nats, rel=1e-5)
    assert found["bits_per_dim"] == pytest.approx(nats / np.log(2), rel=1e-5)


# === Sampling ===


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("PixelCNN", LABELS | CONDITION),
        ("PixelCNN", LABELS | CONDITION | TWO_CODES),
        ("PixelSNAIL", LABELS),
        ("Transformer", {"tie_weights": True}),
        ("Transformer", CONDITION | TWO_CODES),
        ("rotary Transformer", LABELS | CONDITION),
        ("WaveNet", LABELS | CONDITION),
    ],
)
def test_draws_follow_the_probabilities(kind, kwargs, rng):
    prior = create(kind, **kwargs)
    labels, condition = random_conditioning(rng, prior.network, 5)
    options = {"seed": 4, "batch_size": 2}
    found = prior.generate(5, labels, condition, **options)
    logits = run(prior, inputs_of(found, (labels, condition)))
    np.testing.assert_array_equal(
        found, autoregressive.choices(logits, noise=4)
    )
    assert found.dtype == "int32"
    assert len(np.unique(found)) > 2
    if condition is not None:
        other = prior.generate(5, labels, condition[::-1], **options)
        assert (other != found).any()


def test_draws_equal_those_of_the_slow_loop():
    prior = create("Transformer", (2, 2))
    np.testing.assert_array_equal(
        prior.generate(2, seed=4),
        autoregressive.draw(prior, 2, None, noise=4),
    )


def test_temperature_zero_takes_the_most_probable(prior):
    first, second = (
        prior.generate(3, [0, 1, 2], temperature=0, seed=seed)
        for seed in (1, 2)
    )
    logits = run(prior, (first, np.arange(3, dtype="int32")))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, logits.argmax(axis=-1))


def test_guidance_extrapolates_from_no_label_beyond_the_label(prior):
    labels = np.array([0, 2, 1], "int32")
    no_label = np.full(3, NUM_CLASSES, "int32")

    def logits_of(codes):
        return run(
            lambda *args: [prior((args[0], part)) for part in args[1:]],
            codes,
            labels,
            no_label,
            variables=prior.variables,
        )

    found = prior.generate(3, labels, guidance_scale=2.5, seed=7)
    conditional, unconditional = logits_of(found)
    guided = unconditional + 2.5 * (conditional - unconditional)
    np.testing.assert_array_equal(
        found, autoregressive.choices(guided, noise=7)
    )
    assert (found != prior.generate(3, labels, seed=7)).any()
    without = prior.generate(3, seed=7)
    np.testing.assert_array_equal(
        without, autoregressive.choices(logits_of(without)[1], noise=7)
    )


def test_prompt_is_kept_and_the_rest_follows_from_it(prior):
    labels = [0, 2, 1]
    whole = prior.generate(3, labels, seed=5).reshape(3, -1)
    for prompt in (whole[:, :7], (whole[:, :7] + 1) % NUM_EMBEDDINGS):
        found = prior.generate(3, labels, prompt=prompt, seed=5).reshape(3, -1)
        np.testing.assert_array_equal(found[:, :7], prompt)
        is_same = (prompt == whole[:, :7]).all()
        assert (found[:, 7:] == whole[:, 7:]).all() == is_same


def test_known_codes_are_kept_and_the_others_drawn(prior, rng):
    labels = np.array([0, 2, 1], "int32")
    codes = random_codes(rng, prior.network, 3)
    known = rng.uniform(size=codes.shape) < 0.5
    found = prior.complete(codes, known, labels, seed=0)
    drawn = autoregressive.choices(run(prior, (found, labels)), noise=0)
    np.testing.assert_array_equal(found, np.where(known, codes, drawn))
    assert (found[~known] != codes[~known]).any()


def test_custom_sampler_is_compiled_once_for_a_shape(prior):
    calls = []

    class LastCode(samplers.Sampler):
        def probabilities(self, logits):
            calls.append(1)
            last = keras.ops.arange(NUM_EMBEDDINGS) == NUM_EMBEDDINGS - 1
            return keras.ops.cast(last, "float32") + 0.0 * logits

    counts = []
    for seed, temperature in ((0, 1.0), (1, 1.0), (1, 0.5)):
        drawn = prior.generate(3, 1, sampler=LastCode(temperature), seed=seed)
        assert (drawn == NUM_EMBEDDINGS - 1).all()
        counts.append(len(calls))
    # The loop runs in Python while it is compiled; on PyTorch, always.
    is_eager = keras.config.backend() == "torch"
    assert counts == [counts[0] * (i * is_eager + 1) for i in range(3)]


def test_other_numbers_compile_nothing_anew(prior):
    def draw(temperature, top_k, top_p, guidance_scale):
        return prior.generate(
            3,
            1,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance_scale=guidance_scale,
            seed=0,
        )

    draw(1.0, 2, 0.9, 1.0)
    compiled = set(prior._compiled_steps)
    free = draw(9.0, NUM_EMBEDDINGS, 1.0, 0.0)
    greedy = [draw(9.0, 1, 1.0, 0.0), draw(9.0, 5, 1e-6, 0.0)]
    assert set(prior._compiled_steps) == compiled
    np.testing.assert_array_equal(*greedy)
    assert (free != greedy[0]).any()


@pytest.mark.parametrize("kwargs", [TWO_CODES, {"tie_weights": True} | LABELS])
def test_resized_prior_draws_larger_maps_with_the_same_weights(kwargs, rng):
    prior = create("Transformer", (2, 2), **kwargs)
    large = prior.resized((2, 4, *prior.code_shape[2:]))
    conditioning = random_conditioning(rng, prior.network, 2)
    labels = conditioning.labels
    found = large.generate(2, labels, seed=1)
    assert found.shape == (2, *large.code_shape)
    logits = run(large, inputs_of(found, conditioning))
    np.testing.assert_array_equal(
        found, autoregressive.choices(logits, noise=1)
    )
    codes = found[:, :, :2]
    np.testing.assert_allclose(
        prior.resized(prior.code_shape).log_prob(codes, labels),
        prior.log_prob(codes, labels),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("kind", "policy"),
    [("PixelCNN", "mixed_float16"), ("Transformer", "mixed_bfloat16")],
)
def test_it_draws_in_mixed_precision(kind, policy):
    prior = create(kind, dtype=policy, **LABELS | TWO_CODES)
    drawn = prior.generate(8, labels=1, seed=0)
    assert ((drawn >= 0) & (drawn < NUM_EMBEDDINGS)).all()
    assert len(np.unique(drawn)) == NUM_EMBEDDINGS


# === Training ===


@pytest.mark.parametrize(
    ("kind", "kwargs", "is_dataset"),
    [
        ("PixelCNN", {"num_classes": 2}, False),
        ("rotary Transformer", CONDITION, False),
        ("WaveNet", CONDITION, True),
    ],
)
def test_it_learns_a_pattern_and_its_conditioning(
    kind, kwargs, is_dataset, rng
):
    prior = create(kind, hidden_dim=16, noise=False, **kwargs)
    prior.compile(keras.optimizers.Adam(0.02))
    # Each row is constant: a random bit, and a bit that labels or condition
    # give.
    given = rng.integers(2, size=64)
    rows = 2 * rng.integers(2, size=(64, 3, 1)) + given[:, None, None]
    codes = np.tile(rows, 4).reshape(-1, *prior.code_shape)
    labels, condition = given, None
    if prior.condition_shape is not None:
        shape = (-1, *(1 for _ in prior.condition_shape))
        size = (64, *prior.condition_shape)
        condition = np.broadcast_to(given.reshape(shape), size)
        labels = None
    options = {"epochs": 30, "verbose": 0}
    if is_dataset:
        batches = tf.data.Dataset.from_tensor_slices(((codes, condition),))
        log = prior.fit(batches.batch(16), shuffle=False, **options)
    else:
        x = codes if condition is None else (codes, condition)
        log = prior.fit(x, labels, batch_size=16, **options)
    bits = log.history["bits_per_dim"]
    assert bits[-1] < 1.5 * 3 / 12  # one bit per row
    drawn = prior.generate(64, labels, condition, seed=0).reshape(-1, 3, 4)
    assert (drawn == drawn[..., :1]).mean() > 0.95
    assert (drawn % 2 == given[:, None, None]).mean() > 0.95


def test_label_dropout_trains_no_label_too(rng):
    prior = create("PixelCNN", num_layers=1, label_dropout=0.5, num_classes=2)
    prior.compile(keras.optimizers.SGD(1.0))
    embeddings = prior.network.label_embedding.embeddings
    before = to_numpy(embeddings).copy()
    prior.fit(
        random_codes(rng, prior.network, 16), np.zeros(16, int), verbose=0
    )
    changed = np.abs(to_numpy(embeddings) - before).max(axis=1)
    assert (changed > 0).tolist() == [True, False, True]


# === Saving ===


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("PixelCNN", LABELS | CONDITION | TWO_CODES),
        ("Transformer", {"tie_weights": True} | CONDITION),
    ],
)
def test_loaded_prior_computes_the_same(kind, kwargs, rng, tmp_path):
    prior = create(kind, **kwargs)
    x = inputs_of(
        random_codes(rng, prior.network, 3),
        random_conditioning(rng, prior.network, 3),
    )
    prior.save(tmp_path / "prior.keras")
    loaded = keras.models.load_model(tmp_path / "prior.keras")
    np.testing.assert_allclose(run(loaded, x), run(prior, x), atol=1e-6)
    assert json.dumps(prior.get_config()) == json.dumps(loaded.get_config())


def test_loaded_resized_prior_draws_the_same(tmp_path):
    prior = create("PixelCNN", (2, 2), num_layers=1)
    large = prior.resized((3, 4))
    large.save(tmp_path / "large.keras")
    loaded = keras.models.load_model(tmp_path / "large.keras")
    assert loaded.tokenizer_fingerprint == "0123"
    options = {"seed": 1, "top_k": 3, "top_p": 0.9}
    np.testing.assert_array_equal(
        loaded.generate(2, **options), large.generate(2, **options)
    )


# === Bad arguments ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be .*num_samples=0"),
        ({"labels": None}, "needs a label"),
        ({"labels": [0, 1, 9]}, "classes 0 to 2. Received: labels from 0 to 9"),
        ({"labels": [0, 1]}, "2 labels for 3 examples"),
        ({"condition": np.zeros((3, 3, 4))}, "takes no condition"),
        ({"temperature": -1.0}, "`temperature` must be .*>= 0.*-1"),
        ({"top_k": 0}, "`top_k` must be .*0"),
        ({"top_p": 0.0}, r"`top_p` must be .*in \(0, 1\].*0.0"),
        ({"top_p": 1.5}, r"`top_p` must be .*in \(0, 1\].*1.5"),
        ({"guidance_scale": 2.0}, "`label_dropout`.*guidance_scale=2.0"),
        ({"prompt": np.zeros((3, 13), int)}, "longer than the 12 codes.*13"),
        ({"prompt": np.zeros((2, 3), int)}, r"shape=\(2, 3\)"),
        ({"prompt": np.full((3, 2), 5)}, "codes 0 to 4. .*prompt from 5"),
    ],
)
def test_generate_rejects_bad_arguments(labeled_prior, arguments, message):
    arguments = {"num_samples": 3, "labels": [0, 1, 2], **arguments}
    with pytest.raises(ValueError, match=message):
        labeled_prior.generate(**arguments)


@pytest.mark.parametrize(
    ("codes", "labels", "message"),
    [
        (np.zeros((4, 3, 4)), [0] * 4, "Received: dtype=float64"),
        (
            np.zeros((4, 3, 4, 1), int),
            [0] * 4,
            r"of shape \(None, 3, 4\).*shape=\(4, 3, 4, 1\)",
        ),
        (np.full((4, 3, 4), 5), [0] * 4, "codes 0 to 4.*from 5 to 5"),
        (np.full((4, 3, 4), -1), [0] * 4, "codes 0 to 4.*from -1"),
        (np.zeros((4, 3, 4), int), None, "needs a label"),
        (np.zeros((4, 3, 4), int), [3] * 4, "classes 0 to 2"),
    ],
)
def test_data_is_checked(labeled_prior, codes, labels, message):
    prior = labeled_prior
    labels = None if labels is None else np.array(labels)
    for method in (prior.fit, prior.evaluate, prior.log_prob):
        with pytest.raises(ValueError, match=message):
            method(codes, labels)


def test_known_must_have_the_shape_of_the_codes(labeled_prior):
    codes = np.zeros((1, 3, 4), int)
    for known in (codes, np.zeros((1, 4, 3), bool)):
        with pytest.raises(ValueError, match="`known` must be bool"):
            labeled_prior.complete(codes, known, labels=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "pixelcnn"}, "`network` must be .*network='pixelcnn'"),
        ({"label_dropout": 1.0}, "`label_dropout` must be .*label_dropout=1.0"),
        ({"label_dropout": 0.1}, "label_dropout=0.1 and num_classes=None"),
        (
            {"head": priors.CodeHead(6, 4)},
            "`head` must match.*'num_embeddings': 6.*'num_embeddings': 5",
        ),
        (
            {"head": priors.CodeHead(5, 4, is_tied=True)},
            "`tie_weights`.*is_tied=True",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    network = networks.PixelCNN((2, 2), 5, hidden_dim=4, num_layers=1)
    with pytest.raises(ValueError, match=message):
        priors.AutoregressivePrior(**{"network": network, **arguments})


def test_prior_without_classes_takes_no_labels():
    network = networks.PixelCNN((2, 2), 5, hidden_dim=4, num_layers=1)
    prior = priors.AutoregressivePrior(network)
    with pytest.raises(ValueError, match="takes no labels"):
        prior.generate(1, labels=[0])
