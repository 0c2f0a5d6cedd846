import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import zoo
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


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


def test_it_calls_the_tokenizer(generator, rng):
    images = tiny_images(rng, 2, (16, 12, 3))
    np.testing.assert_allclose(
        to_numpy(generator(images)), to_numpy(generator.tokenizer(images))
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
    each = np.stack([mask, np.zeros_like(mask), mask, mask])
    found = generator.inpaint(images, each, labels=1, seed=3)
    np.testing.assert_allclose(
        found[1], generator.tokenizer.decode(codes[1:2])[0], atol=1e-6
    )


def test_rejection_keeps_what_the_classifier_believes_in(generator):
    inputs = keras.Input((16, 12, 3))
    brightness = keras.ops.mean(inputs, axis=(1, 2))  # a channel for a class
    classifier = keras.Model(inputs, keras.ops.softmax(20.0 * brightness))
    labels = np.array([2, 0, 2, 1, 2])
    drawn_labels = np.repeat([0, 1, 2], [4, 4, 12])  # four times as many
    drawn = generator.generate(20, labels=drawn_labels, seed=6)
    believed = classifier.predict(drawn, verbose=0)[range(20), drawn_labels]
    kept = generator.reject(classifier, 5, labels, keep=0.25, seed=6)
    for label, start, stop in ((0, 0, 4), (1, 4, 8), (2, 8, 20)):
        count = (labels == label).sum()
        best = start + np.argsort(-believed[start:stop])[:count]
        np.testing.assert_allclose(kept[labels == label], drawn[best])


def test_saved_it_holds_both(generator, tmp_path):
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(
        again.generate(2, labels=1, seed=5),
        generator.generate(2, labels=1, seed=5),
        atol=1e-6,
    )


def test_tokenizer_and_prior_must_go_together():
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
def test_what_is_wrong_is_said(generator, call, message):
    with pytest.raises(ValueError, match=message):
        call(generator)
