"""Priors that are told something with each example."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import priors
from keras_vq import zoo
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy
from tests.reference import autoregressive


def pixelcnn(**kwargs):
    arguments = {"hidden_dim": 8, "num_layers": 2, "first_kernel_size": 3}
    return priors.PixelCNN((4, 2), 5, condition_dim=3, **arguments, **kwargs)


def transformer(**kwargs):
    return priors.Transformer(
        (4, 2),
        5,
        hidden_dim=16,
        num_layers=2,
        num_heads=2,
        condition_shape=(2, 1),
        num_condition_embeddings=7,
        **kwargs,
    )


def rotary(**kwargs):
    return transformer(positions="rotary", **kwargs)


def wavenet(**kwargs):
    arguments = {"hidden_dim": 8, "skip_dim": 8, "num_layers": 2}
    return priors.WaveNet((8,), 5, condition_dim=3, **arguments, **kwargs)


@pytest.fixture(params=[pixelcnn, transformer, rotary, wavenet])
def make(request):
    return request.param


def told(prior, rng, count):
    """A condition for each of some examples."""
    shape = (count, *prior.condition_shape)
    if prior.num_condition_embeddings is None:
        return 5 * rng.normal(size=shape).astype("float32")
    return rng.integers(prior.num_condition_embeddings, size=shape)


def test_it_draws_what_the_slow_loop_draws_and_the_condition_counts(make, rng):
    prior = make(num_classes=3)
    for w in prior.trainable_weights:
        w.assign(w + 0.3 * rng.normal(size=w.shape))
    labels, condition = np.array([0, 2, 1], "int32"), told(prior, rng, 3)

    def logits_of(codes, labels):
        return prior(((codes, condition.astype(prior.condition_dtype)), labels))

    expected = autoregressive.draw(
        prior, 3, labels, 4, autoregressive.random_code, logits_of
    )
    found = prior.generate(3, labels, condition=condition, seed=4)
    np.testing.assert_array_equal(found, expected)
    other = prior.generate(3, labels, condition=condition[::-1], seed=4)
    assert (other != found).any()


def test_it_learns_what_the_condition_says(make, rng):
    prior = make()
    prior.compile(keras.optimizers.Adam(0.01))
    kind = rng.integers(5, size=64)
    shape = (1,) * len(prior.condition_shape)
    condition = np.broadcast_to(
        kind.reshape(-1, *shape), (64, *prior.condition_shape)
    )
    if prior.num_condition_embeddings is None:
        condition = np.eye(5)[kind] @ rng.normal(size=(5, 3))
        condition = np.broadcast_to(
            condition.reshape(-1, *shape[1:], 3), (64, *prior.condition_shape)
        )
    codes = np.broadcast_to(
        kind.reshape(-1, *[1] * len(prior.code_shape)), (64, *prior.code_shape)
    )
    # As arrays, and as a data set of tuples.
    prior.fit((codes, condition), batch_size=16, epochs=20, verbose=0)
    batches = tf.data.Dataset.from_tensor_slices(((codes, condition),))
    prior.fit(
        batches.map(lambda x: (x,)).batch(16),
        epochs=10,
        shuffle=False,
        verbose=0,
    )
    found = prior.generate(64, condition=condition, seed=0)
    assert (found == codes).mean() > 0.95
    log_p = prior.log_prob(codes, condition=condition)
    wrong = prior.log_prob(codes, condition=condition[::-1])
    assert wrong.mean() < log_p.mean() - 5


def test_it_saves_with_its_condition(make, rng, tmp_path):
    prior = make()
    prior.save(tmp_path / "prior.keras")
    again = keras.models.load_model(tmp_path / "prior.keras")
    condition = told(prior, rng, 2)
    np.testing.assert_array_equal(
        again.generate(2, condition=condition, seed=1),
        prior.generate(2, condition=condition, seed=1),
    )


def test_positions_see_all_codes_of_the_condition(rng):
    prior = transformer()
    codes = rng.integers(5, size=(2, 4, 2), dtype="int32")
    condition = np.array([[[0], [1]], [[0], [1]]], "int32")
    base = to_numpy(prior((codes, condition)))
    for place in range(2):
        changed = condition.copy()
        changed[:, place] += 2
        logits = to_numpy(prior((codes, changed)))
        assert (np.abs(logits - base).max(axis=-1) > 1e-7).all()


def test_a_generator_takes_pictures_for_a_condition(rng, tmp_path):
    tokenizer = tiny_vqvae(input_shape=(16, 16, 3), num_embeddings=5)
    of_condition = tiny_vqvae(input_shape=(8, 8, 1), num_embeddings=4)
    prior = zoo.transformer(
        tokenizer, of_condition, num_layers=1, num_heads=2, hidden_dim=8
    )
    assert prior.condition_shape == (2, 2)
    generator = LatentGenerator(tokenizer, prior, of_condition)
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    pictures = rng.uniform(size=(2, 8, 8, 1)).astype("float32")
    codes = of_condition.encode(pictures)
    expected = tokenizer.decode(prior.generate(2, condition=codes, seed=3))
    for model in (generator, again):
        np.testing.assert_allclose(
            model.generate(2, condition=pictures, seed=3), expected, atol=1e-5
        )
    other = tiny_vqvae(input_shape=(8, 8, 1), num_embeddings=4)
    with pytest.raises(ValueError, match="made for the codes of the tokenizer"):
        LatentGenerator(tokenizer, prior, other)
    with pytest.raises(ValueError, match="`reject` draws by label alone"):
        generator.reject(None, 2, labels=[0, 0])
    with pytest.raises(ValueError, match=r"codes that the prior is told.*K=5"):
        LatentGenerator(tokenizer, prior, tokenizer)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, r"needs a condition of shape \(None, 2, 1\)"),
        (np.zeros((3, 2, 1)), "condition.dtype=float64"),
        (np.zeros((3, 2, 2), int), r"condition of shape \(None, 2, 1\)"),
        (np.full((3, 2, 1), 7), "codes 0 to 6. Received: condition from 7"),
        (np.zeros((2, 2, 1), int), "2 conditions for 3 examples"),
    ],
)
def test_what_is_wrong_is_said(condition, message):
    prior = transformer()
    prior.compile("adam")
    codes = np.zeros((3, 4, 2), int)
    x = codes if condition is None else (codes, condition)
    for call in (
        lambda: prior.generate(3, condition=condition),
        lambda: prior.log_prob(codes, condition=condition),
        lambda: prior.fit(x, verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_tuple_where_codes_are_expected():
    prior = priors.PixelCNN((2, 2), 4, hidden_dim=4, num_layers=1)
    prior.compile("adam")
    pair = (np.zeros((2, 2, 2), int),) * 2
    with pytest.raises(ValueError, match=r"takes codes alone.*2 arrays"):
        prior.fit(pair)
    conditional = transformer()
    conditional.compile("adam")
    with pytest.raises(ValueError, match=r"takes a pair of codes.*3 arrays"):
        conditional.fit((*pair, pair[0]))


def test_a_condition_where_there_is_none():
    prior = priors.PixelCNN((2, 2), 4, hidden_dim=4, num_layers=1)
    with pytest.raises(ValueError, match="without a condition and takes none"):
        prior.generate(1, condition=np.zeros((1, 2, 2)))
    with pytest.raises(
        ValueError, match=r"of shape \(None, 4, 2, 3\).*4, 2, 2"
    ):
        pixelcnn().generate(1, condition=np.zeros((1, 4, 2, 2)))
