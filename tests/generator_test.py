import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import zoo
from tests.helpers import run
from tests.helpers import tiny_vqvae


def tiny_prior(tokenizer, **kwargs):
    return zoo.pixelcnn(
        tokenizer, hidden_dim=8, num_layers=2, first_kernel_size=3, **kwargs
    )


@pytest.fixture(scope="module")
def generator():
    tokenizer = tiny_vqvae(input_shape=(16, 12, 3))
    # Any code may be the nearest: the encoder is untrained.
    tokenizer.quantizer.embeddings.assign(
        0.05 * np.random.default_rng(0).normal(size=(16, 4))
    )
    return LatentGenerator(tokenizer, tiny_prior(tokenizer, num_classes=3))


def test_images_are_the_decoded_codes_of_the_prior(generator):
    labels = [2, 0, 1]
    images = generator.generate(3, labels=labels, seed=1, top_k=5)
    codes = generator.prior.generate(3, labels=labels, seed=1, top_k=5)
    assert images.shape == (3, 16, 12, 3)
    np.testing.assert_allclose(
        images, generator.tokenizer.decode(codes), atol=1e-6
    )
    assert generator.num_classes == 3


def test_call_equals_that_of_the_tokenizer(generator, rng):
    images = rng.uniform(size=(2, 16, 12, 3)).astype("float32")
    np.testing.assert_allclose(
        run(generator, images), run(generator.tokenizer, images), atol=1e-6
    )


def test_inpainting_keeps_the_codes_without_a_masked_pixel(generator, rng):
    images = rng.uniform(size=(4, 16, 12, 3)).astype("float32")
    mask = np.zeros((16, 12), bool)
    mask[4:8, 5] = True  # in the cell of row 1, column 1
    mask[15, 11] = True  # the last cell
    drawn = np.zeros((4, 3), bool)
    drawn[1, 1] = drawn[3, 2] = True
    codes = generator.tokenizer.encode(images)
    expected = generator.prior.complete(
        codes, np.tile(~drawn, (4, 1, 1)), labels=1, seed=3
    )
    assert (expected != codes).any()
    found = generator.inpaint(images, mask, labels=1, seed=3)
    np.testing.assert_allclose(
        found, generator.tokenizer.decode(expected), atol=1e-6
    )
    masks = np.stack([mask, np.zeros_like(mask), mask, mask])
    found = generator.inpaint(images, masks, labels=1, seed=3)
    np.testing.assert_allclose(
        found[1], generator.tokenizer.decode(codes[1:2])[0], atol=1e-6
    )


def test_rejection_keeps_the_images_with_the_most_probable_label(generator):
    inputs = keras.Input((16, 12, 3))
    brightness = keras.ops.mean(inputs, axis=(1, 2))  # a channel per class
    classifier = keras.Model(inputs, keras.ops.softmax(20.0 * brightness))
    labels = np.array([2, 0, 2, 1, 2])
    drawn_labels = np.repeat([0, 1, 2], [4, 4, 12])  # four times as many
    drawn = generator.generate(20, labels=drawn_labels, seed=6)
    scores = classifier.predict(drawn, verbose=0)[range(20), drawn_labels]
    kept = generator.reject(classifier, 5, labels, keep=0.25, seed=6)
    for label, start, stop in ((0, 0, 4), (1, 4, 8), (2, 8, 20)):
        count = (labels == label).sum()
        best = start + np.argsort(-scores[start:stop])[:count]
        np.testing.assert_allclose(kept[labels == label], drawn[best])


def test_loaded_generator_draws_the_same(generator, tmp_path):
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(
        loaded.generate(4, labels=1, seed=5),
        generator.generate(4, labels=1, seed=5),
        atol=1e-6,
    )


def test_condition_may_be_images(rng, tmp_path):
    tokenizer = tiny_vqvae(input_shape=(16, 16, 3), num_embeddings=5)
    of_condition = tiny_vqvae(num_embeddings=4)
    prior = zoo.transformer(
        tokenizer, of_condition, num_layers=1, num_heads=2, hidden_dim=8
    )
    assert prior.condition_shape == (2, 2)
    generator = LatentGenerator(tokenizer, prior, of_condition)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    codes = of_condition.encode(images)
    expected = tokenizer.decode(prior.generate(2, condition=codes, seed=3))
    for model in (generator, loaded):
        np.testing.assert_allclose(
            model.generate(2, condition=images, seed=3), expected, atol=1e-5
        )
    other = tiny_vqvae(num_embeddings=4)
    with pytest.raises(ValueError, match=r"created for the codes of .*another"):
        LatentGenerator(tokenizer, prior, other)
    with pytest.raises(ValueError, match="`reject` supports labels only"):
        generator.reject(None, 2, labels=[0, 0])
    with pytest.raises(
        ValueError, match=r"codes of the prior's condition.*K=5"
    ):
        LatentGenerator(tokenizer, prior, tokenizer)


def test_tokenizer_and_prior_must_match():
    tokenizer = tiny_vqvae()
    other = tiny_prior(tiny_vqvae(num_embeddings=8))
    message = r"shape \(2, 2\) with K=16.*shape \(2, 2\) with K=8"
    with pytest.raises(ValueError, match=message):
        LatentGenerator(tokenizer, other)
    with pytest.raises(ValueError, match="`tokenizer` must be"):
        LatentGenerator(other, other)
    with pytest.raises(ValueError, match="`prior` must be"):
        LatentGenerator(tokenizer, tokenizer)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda g: g.inpaint(np.zeros((2, 16, 12, 3)), np.zeros((16, 12))),
            r"`mask` must be bool of shape \(16, 12\) or \(2, 16, 12\)",
        ),
        (
            lambda g: g.inpaint(
                np.zeros((2, 16, 12, 3)), np.zeros((4, 3), bool)
            ),
            r"`mask` must be .*shape=\(4, 3\)",
        ),
        (lambda g: g.reject(None, 2, 1, keep=0.0), "`keep` must be .*0.0"),
        (lambda g: g.reject(None, 0, 1), "`num_images` must be .*0"),
        (lambda g: g.reject(None, 2, [0, 3]), "classes 0 to 2"),
        (lambda g: g.generate(2), "needs a label"),
    ],
)
def test_bad_arguments(generator, call, message):
    with pytest.raises(ValueError, match=message):
        call(generator)
