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
from keras_vq.priors.parallel import gumbel
from keras_vq.priors.parallel import lowest
from tests.helpers import perturbed
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae

SHAPE, K = (2, 3), 5


def create(num_classes=4, **kwargs):
    network = networks.DenoisingTransformer(
        SHAPE, K, num_classes, num_layers=1, num_heads=2, hidden_dim=8
    )
    kwargs = {"num_steps": 3, "seed": 1, **kwargs}
    return priors.MaskGIT(network, **kwargs)


@pytest.fixture(scope="module")
def prior():
    return perturbed(create(label_dropout=0.3))


def log_probs_of(prior, codes, masked, labels):
    conditioning = networks.Conditioning(np.asarray(labels))
    outputs = prior.log_probs(
        ops.convert_to_tensor(codes),
        ops.convert_to_tensor(masked),
        conditioning,
    )
    return ops.convert_to_numpy(outputs)


def test_masked_codes_are_not_seen_and_all_others_are(prior, rng):
    codes = rng.integers(K, size=(1, *SHAPE)).astype("int32")
    masked = np.zeros((1, *SHAPE), bool)
    masked[0, 0, 1] = True
    before = log_probs_of(prior, codes, masked, [1])
    for place in np.ndindex(*SHAPE):
        other = codes.copy()
        other[(0, *place)] = (other[(0, *place)] + 1) % K
        after = log_probs_of(prior, other, masked, [1])
        # At the masked code itself, whether other codes come before or after.
        change = np.abs(after - before)[0, 0, 1].max()
        assert (change > 1e-4) == (place != (0, 1))


def test_loss_against_a_loop(prior, rng):
    codes = rng.integers(K, size=(7, *SHAPE)).astype("int32")
    labels = rng.integers(4, size=7)
    noise = ops.convert_to_numpy(keras.random.uniform((7, 7), seed=0))
    losses, hits, num_masked = [], 0, 0
    for row in range(7):
        count = int(np.ceil(np.cos(np.pi / 2 * noise[row, 0]) * 6))
        masked = np.zeros(6, bool)
        masked[np.argsort(noise[row, 1:])[:count]] = True
        masked = masked.reshape(1, *SHAPE)
        p = log_probs_of(prior, codes[row : row + 1], masked, [labels[row]])
        total = 0.0
        for place in np.argwhere(masked):
            q = np.full(K, 0.1 / K)
            q[codes[row][tuple(place[1:])]] += 0.9
            total -= np.sum(q * p[tuple(place)])
            hits += p[tuple(place)].argmax() == codes[row][tuple(place[1:])]
        losses.append(total / (6 * 2 / np.pi))
        num_masked += count
    prior.compile("adam")
    logs = prior.evaluate(
        codes, labels, batch_size=7, return_dict=True, verbose=0
    )
    assert logs["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert logs["accuracy"] == pytest.approx(hits / num_masked)


def test_sampling_against_a_loop(prior):
    """Every step of the schedule, with noise and guidance."""
    labels = np.array([2, 0])
    found = prior.generate(2, labels, seed=3, guidance_scale=1.5)
    noise = samplers.uniform_noise(3, 2, 36).reshape(2, 3, 2, 6)
    for row in range(2):
        codes = np.full(6, K, "int32")
        for step, left in enumerate(prior.masking.num_masked([6], 3)[0]):
            shape = (1, *SHAPE)
            nothing = np.zeros(shape, bool)
            with_label, without = (
                log_probs_of(prior, codes.reshape(shape), nothing, [label])
                for label in (labels[row], 4)
            )
            logits = without + 1.5 * (with_label - without)
            p = np.exp(logits.reshape(6, K))
            p /= p.sum(axis=-1, keepdims=True)
            u, v = noise[row, step]
            drawn = np.sum(np.cumsum(p, -1)[:, :-1] <= u[:, None], axis=-1)
            score = np.log(p[np.arange(6), drawn])
            score += 4.5 * (1 - (step + 1) / 3) * -np.log(-np.log(v + 2**-25))
            score[codes != K] = np.inf
            again = np.argsort(score)[:left]
            revealed = np.setdiff1d(np.flatnonzero(codes == K), again)
            codes[revealed] = drawn[revealed]
        np.testing.assert_array_equal(found[row].ravel(), codes)


def test_known_codes_are_kept_and_seen_from_all_sides(prior, rng):
    codes = rng.integers(K, size=(64, *SHAPE)).astype("int32")
    known = np.zeros((64, *SHAPE), bool)
    known[:, 1, 2] = True  # the last one
    known[:32, 0] = True
    drawn = prior.complete(codes, known, 1, seed=0)
    np.testing.assert_array_equal(drawn[known], codes[known])
    assert np.all((drawn >= 0) & (drawn < K))
    other = codes.copy()
    other[:, 1, 2] = (other[:, 1, 2] + 1) % K
    again = prior.complete(other, known, 1, seed=0)
    assert np.any(again[:, 1, :2] != drawn[:, 1, :2])
    full = prior.complete(codes, np.ones_like(known), 1, seed=0)
    np.testing.assert_array_equal(full, codes)


def test_the_bound_is_exact_for_equal_codes_of_a_constant_network(rng):
    prior = create(num_classes=None)
    network = prior.network
    bias = rng.normal(size=K)
    network.logits.bias.assign(bias)
    codes = np.broadcast_to(np.arange(K)[:, None, None], (K, *SHAPE))
    expected = 6 * (bias - np.log(np.sum(np.exp(bias))))
    np.testing.assert_allclose(prior.log_prob(codes), expected, rtol=1e-5)


def test_the_bound_is_that_of_random_orders(rng):
    """Its mean over many masks is the mean over all orders, by brute force."""
    network = networks.DenoisingTransformer(
        (3,), 3, num_layers=1, num_heads=2, hidden_dim=8
    )
    prior = perturbed(priors.MaskGIT(network))
    codes = np.array([[0, 2, 1]], "int32")
    expected = []
    for order in itertools.permutations(range(3)):
        masked = np.ones((1, 3), bool)
        total = 0.0
        for place in order:
            outputs = prior.log_probs(
                ops.convert_to_tensor(codes),
                ops.convert_to_tensor(masked),
                networks.Conditioning(),
            )
            p = ops.convert_to_numpy(outputs)
            total += p[0, place, codes[0, place]]
            masked[0, place] = False
        expected.append(total)
    many = np.repeat(codes, 200, axis=0)
    found = prior.log_prob(many, num_masks=30, batch_size=200)
    assert found.mean() == pytest.approx(np.mean(expected), rel=0.01)


def test_training_finds_the_label_s_code():
    prior = create()
    prior.compile(keras.optimizers.Adam(0.02))
    labels = np.arange(64) % 4
    codes = np.broadcast_to(labels[:, None, None], (64, *SHAPE))
    history = prior.fit(codes, labels, epochs=12, batch_size=16, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    drawn = prior.generate(4, labels=[0, 1, 2, 3], temperature=0.5, seed=0)
    assert np.mean(drawn == np.arange(4)[:, None, None]) > 0.9


def test_generator_draws_and_inpaints(rng, tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=K)
    prior = zoo.maskgit(
        tokenizer, num_layers=1, num_heads=2, hidden_dim=8, masking="arccos"
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
    assert isinstance(restored.prior.masking, schedules.ArccosMasking)
    np.testing.assert_array_equal(
        restored.generate(2, seed=1), generator.generate(2, seed=1)
    )


def test_helpers():
    x = ops.convert_to_tensor([[0.3, 0.1, 0.2], [3.0, 1.0, 2.0]])
    count = ops.convert_to_tensor([1, 2])
    np.testing.assert_array_equal(
        ops.convert_to_numpy(lowest(x, count)),
        [[False, True, False], [False, True, True]],
    )
    noise = np.array([0.0, np.exp(-np.exp(-2.0))], "float32")
    found = ops.convert_to_numpy(gumbel(ops.convert_to_tensor(noise)))
    assert np.isfinite(found[0])
    assert found[1] == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"masking": "cosine"}, "keras_vq.schedules.Masking"),
        ({"num_steps": 0}, "num_steps=0"),
        ({"choice_temperature": -1.0}, "choice_temperature=-1.0"),
        ({"choice_temperature": float("nan")}, "choice_temperature=nan"),
        ({"label_smoothing": 1}, "label_smoothing=1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        create(**arguments)


def test_bad_networks():
    causal = networks.PixelCNN(SHAPE, K, hidden_dim=4, num_layers=1)
    with pytest.raises(ValueError, match="DenoisingTransformer"):
        priors.MaskGIT(causal)
    timed = networks.DenoisingTransformer(
        SHAPE, K, num_layers=1, num_heads=2, hidden_dim=8, takes_time=True
    )
    with pytest.raises(ValueError, match="takes_time=True"):
        priors.MaskGIT(timed)
    with pytest.raises(ValueError, match="label_dropout"):
        create().generate(1, 0, guidance_scale=2.0)
