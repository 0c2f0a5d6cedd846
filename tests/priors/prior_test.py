"""What every prior must do."""

import itertools
import json

import keras
import numpy as np
import pytest

from keras_vq import priors
from keras_vq import samplers
from tests.helpers import to_numpy
from tests.reference import autoregressive


def pixelcnn(*args, **kwargs):
    arguments = {"hidden_dim": 8, "num_layers": 4, "first_kernel_size": 5}
    return priors.PixelCNN(*args, **arguments | kwargs)


def pixelsnail(*args, **kwargs):
    arguments = {"num_layers": 4, "first_kernel_size": 5, "num_heads": 2}
    return priors.PixelSNAIL(*args, **{"hidden_dim": 8} | arguments | kwargs)


def transformer(*args, **kwargs):
    arguments = {"hidden_dim": 8, "num_layers": 2, "num_heads": 2}
    return priors.Transformer(*args, **arguments | kwargs)


def rotary(*args, **kwargs):
    kwargs = {"hidden_dim": 16} | kwargs
    return transformer(*args, positions="rotary", tie_weights=True, **kwargs)


def wavenet(*args, **kwargs):
    arguments = {"hidden_dim": 8, "skip_dim": 8, "num_layers": 3}
    return priors.WaveNet(*args, **arguments | kwargs, kernel_size=3)


def deep(factory):
    """The same with two codes a position."""
    return lambda *args, **kwargs: factory(*args, depth=2, **kwargs)


# Each with a shape of 20 codes, and one of 4.
PRIORS = {
    "pixelcnn": (pixelcnn, (4, 5), (2, 2)),
    "pixelsnail": (pixelsnail, (4, 5), (2, 2)),
    "transformer": (transformer, (4, 5), (2, 2)),
    "rotary transformer": (rotary, (4, 5), (2, 2)),
    "wavenet": (wavenet, (20,), (4,)),
}
DEEP = {
    "deep pixelcnn": (deep(pixelcnn), (2, 5, 2), (1, 2, 2)),
    "deep transformer": (deep(transformer), (10, 2), (2, 2)),
    "deep wavenet": (deep(wavenet), (10, 2), (2, 2)),
}


def maker(name):
    factory, shape, small_shape = (PRIORS | DEEP)[name]

    def make(num_embeddings=6, code_shape=None, small=False, **kwargs):
        if code_shape is None:
            code_shape = small_shape if small else shape
        prior = factory(code_shape, num_embeddings, **kwargs)
        # Biases and all: nothing is zero that a test could not tell then.
        rng = np.random.default_rng(0)
        for w in prior.trainable_weights:
            w.assign(w + 0.3 * rng.normal(size=w.shape))
        return prior

    return make


@pytest.fixture(params=PRIORS)
def make(request):
    """Makes each of the priors."""
    return maker(request.param)


@pytest.fixture(params=PRIORS | DEEP)
def make_any(request):
    """Makes each of them, with one code a position and with several."""
    return maker(request.param)


@pytest.fixture
def make_one():
    """Makes one of them, for what their base does alone."""
    return maker("pixelcnn")


def test_each_code_depends_on_all_before_and_on_none_after(make_any, rng):
    prior = make_any()
    length = np.prod(prior.code_shape)
    base = rng.integers(6, size=(8, 1, length))
    changed = (base + np.eye(length, dtype=int)) % 6  # [map, changed, position]
    maps = np.concatenate([base, changed], axis=1).astype("int32")
    logits = to_numpy(prior(maps.reshape(-1, *prior.code_shape)))
    logits = logits.reshape(8, 1 + length, length, 6)
    differs = np.abs(logits[:, 1:] - logits[:, :1]).max(axis=(0, 3))
    earlier = np.tri(length, k=-1, dtype=bool).T  # [changed, position]
    assert (differs[~earlier] == 0).all()
    assert (differs[earlier] > 1e-6).all()


@pytest.mark.parametrize("label", [None, 1])
def test_probabilities_of_all_codes_sum_to_one(make_any, label):
    kwargs = {} if label is None else {"num_classes": 2}
    prior = make_any(3, small=True, **kwargs)
    codes = np.array(list(itertools.product(range(3), repeat=4)))
    codes = codes.reshape(-1, *prior.code_shape)
    labels = None if label is None else np.full(len(codes), label)
    log_p = prior.log_prob(codes, labels).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)
    assert log_p.std() > 0.1


def test_the_loss_is_the_mean_of_log_prob(make_any, rng):
    prior = make_any(num_classes=3)
    prior.compile("adam")
    codes = rng.integers(6, size=(10, *prior.code_shape))
    labels = rng.integers(3, size=10)
    found = prior.evaluate(
        codes, labels, batch_size=4, verbose=0, return_dict=True
    )
    nats = -prior.log_prob(codes, labels, batch_size=3).mean() / 20
    assert found["loss"] == pytest.approx(nats, rel=1e-5)
    assert found["bits_per_dim"] == pytest.approx(nats / np.log(2), rel=1e-5)


def test_it_draws_what_the_slow_loop_draws(make_any):
    prior = make_any(num_classes=3)
    labels = np.array([0, 1, 2, 2, 1], "int32")
    expected = autoregressive.draw(
        prior, 5, labels, 4, autoregressive.random_code
    )
    found = prior.generate(5, labels, seed=4, batch_size=2)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == "int32"
    assert len(np.unique(found)) > 2


def test_temperature_zero_takes_the_most_probable(make_one):
    prior = make_one()
    expected = autoregressive.draw(
        prior, 1, None, 0, lambda logits, _: logits.argmax()
    )
    for seed in (1, 2):
        found = prior.generate(1, temperature=0, seed=seed)
        np.testing.assert_array_equal(found, expected)


def test_guidance_goes_from_the_hidden_label_beyond_the_label(make_one):
    prior = make_one(num_classes=3, label_dropout=0.5)
    labels = np.array([0, 2, 1], "int32")

    def guided(codes, labels):
        told = to_numpy(prior((codes, labels)))
        untold = to_numpy(prior((codes, np.full_like(labels, 3))))
        return untold + 2.5 * (told - untold)

    expected = autoregressive.draw(
        prior, 3, labels, 7, autoregressive.random_code, guided
    )
    found = prior.generate(3, labels, guidance_scale=2.5, seed=7)
    np.testing.assert_array_equal(found, expected)
    assert (found != prior.generate(3, labels, seed=7)).any()
    # Without labels it draws as one that has not been told.
    assert prior.generate(2, seed=1).shape == (2, *prior.code_shape)


def test_a_prompt_is_kept_and_the_rest_follows_from_it(make_one):
    prior = make_one()
    whole = prior.generate(2, seed=5)
    prompt = whole.reshape(2, -1)[:, :7]
    again = prior.generate(2, prompt=prompt, seed=5)
    np.testing.assert_array_equal(again, whole)
    other = prior.generate(2, prompt=(prompt + 1) % 6, seed=5)
    np.testing.assert_array_equal(other.reshape(2, -1)[:, :7], (prompt + 1) % 6)
    assert (other.reshape(2, -1)[:, 7:] != whole.reshape(2, -1)[:, 7:]).any()


def test_known_codes_are_kept_wherever_they_are(make_one, rng):
    prior = make_one()
    codes = rng.integers(6, size=(3, *prior.code_shape))
    known = rng.uniform(size=codes.shape) < 0.5
    found = prior.complete(codes, known, seed=0)
    np.testing.assert_array_equal(found[known], codes[known])
    assert (found[~known] != codes[~known]).any()


def test_a_sampler_of_ones_own(make_one):
    class Last(samplers.Sampler):
        def probabilities(self, logits):
            return keras.ops.cast(
                keras.ops.arange(6) == 5, "float32"
            ) + keras.ops.zeros_like(logits)

    assert (make_one().generate(2, sampler=Last(), seed=0) == 5).all()


def test_a_second_call_of_the_same_shape_compiles_nothing(make_one):
    class Counting(samplers.RandomSampler):
        calls = 0

        def probabilities(self, logits):
            Counting.calls += 1
            return super().probabilities(logits)

    prior = make_one()
    prior.generate(2, sampler=Counting(), seed=0)
    once = Counting.calls
    prior.generate(2, sampler=Counting(), seed=1)
    # Python sees the loop while it is compiled; PyTorch runs it as it is.
    expected = 2 * once if keras.config.backend() == "torch" else once
    assert Counting.calls == expected


def test_it_learns_a_pattern_and_draws_it(make, rng):
    prior = make(num_embeddings=4, num_classes=2, hidden_dim=16)
    prior.compile(keras.optimizers.Adam(0.01))
    # Stripes: each row is constant, of a code that the label decides with 2.
    labels = rng.integers(2, size=64)
    codes = 2 * rng.integers(2, size=(64, 4, 1)) + labels[:, None, None]
    codes = np.tile(codes, (1, 1, 5)).reshape(-1, *prior.code_shape)
    prior.fit(codes, labels, batch_size=16, epochs=80, verbose=0)
    found = prior.evaluate(codes, labels, verbose=0, return_dict=True)
    bits = 4 / 20  # one bit a row
    assert found["bits_per_dim"] < 1.5 * bits
    drawn = prior.generate(32, labels[:32], seed=0).reshape(-1, 4, 5)
    assert (drawn == drawn[..., :1]).mean() > 0.95
    assert (drawn % 2 == labels[:32, None, None]).mean() > 0.95


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_it_draws_in_mixed_precision(make_any, policy):
    prior = make_any(num_classes=2, dtype=policy)
    drawn = prior.generate(2, labels=1, seed=0)
    assert ((drawn >= 0) & (drawn < 6)).all()


def test_label_dropout_hides_the_label_in_training(make_one, rng):
    prior = make_one(num_classes=2, label_dropout=0.5)
    prior.compile(keras.optimizers.SGD(1.0))
    before = to_numpy(prior.embed_label.embeddings).copy()
    prior.fit(
        rng.integers(6, size=(16, *prior.code_shape)),
        np.zeros(16, int),
        verbose=0,
    )
    changed = np.abs(to_numpy(prior.embed_label.embeddings) - before).max(1)
    assert (changed > 0).tolist() == [True, False, True]


def test_it_saves_and_draws_the_same(make_one, tmp_path):
    prior = make_one(num_classes=3)
    prior.save(tmp_path / "prior.keras")
    again = keras.models.load_model(tmp_path / "prior.keras")
    for model in (prior, again):
        model.drawn = model.generate(3, labels=2, seed=9, top_k=3, top_p=0.9)
    np.testing.assert_array_equal(prior.drawn, again.drawn)
    assert json.dumps(prior.get_config())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be .*num_samples=0"),
        ({"labels": None}, "needs a label"),
        ({"labels": [0, 1, 9]}, "classes 0 to 2. Received: labels from 0 to 9"),
        ({"labels": [0, 1]}, "2 labels for 3 examples"),
        ({"temperature": -1.0}, "`temperature` must be >= 0.*-1"),
        ({"top_k": 0}, "`top_k` must be .*0"),
        ({"top_p": 0.0}, r"`top_p` must be in \(0, 1\].*0.0"),
        ({"top_p": 1.5}, r"`top_p` must be in \(0, 1\].*1.5"),
        ({"guidance_scale": 2.0}, "`label_dropout`.*guidance_scale=2.0"),
        ({"prompt": np.zeros((3, 21), int)}, "longer than the 20 codes.*21"),
        ({"prompt": np.zeros((2, 3), int)}, r"shape=\(2, 3\)"),
        ({"prompt": np.full((3, 2), 6)}, "codes 0 to 5. .*prompt from 6"),
    ],
)
def test_generate_says_what_is_wrong(make_one, arguments, message):
    arguments = {"num_samples": 3, "labels": [0, 1, 2], **arguments}
    with pytest.raises(ValueError, match=message):
        make_one(num_classes=3).generate(**arguments)


@pytest.mark.parametrize(
    ("codes", "labels", "message"),
    [
        (lambda shape: np.zeros(shape), [0] * 4, "codes.dtype=float64"),
        (
            lambda shape: np.zeros((*shape, 1), int),
            [0] * 4,
            r"of shape \(None, .*shape=\(4, .*, 1\)",
        ),
        (lambda shape: np.full(shape, 6), [0] * 4, "codes 0 to 5.*from 6 to 6"),
        (lambda shape: np.full(shape, -1), [0] * 4, "codes 0 to 5.*from -1"),
        (lambda shape: np.zeros(shape, int), None, "needs a label"),
        (lambda shape: np.zeros(shape, int), [3] * 4, "classes 0 to 2"),
    ],
)
def test_fit_and_log_prob_say_what_is_wrong(make_one, codes, labels, message):
    prior = make_one(num_classes=3)
    prior.compile("adam")
    codes = codes((4, *prior.code_shape))
    labels = None if labels is None else np.array(labels)
    for method in (prior.fit, prior.evaluate, prior.log_prob):
        with pytest.raises(ValueError, match=message):
            method(codes, labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"code_shape": (4, 0)}, "`code_shape` must be .*0"),
        ({"num_embeddings": 0}, "`num_embeddings` must be .*0"),
        ({"num_classes": 0}, "`num_classes` must be .*0"),
        ({"num_classes": 2, "label_dropout": 1.0}, "label_dropout=1.0"),
        ({"label_dropout": 0.1}, "num_classes=None"),
    ],
)
def test_bad_arguments(make_one, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_one(**arguments)


def test_labels_for_a_model_without_classes(make_one):
    with pytest.raises(ValueError, match="takes no labels"):
        make_one().generate(1, labels=[0])
