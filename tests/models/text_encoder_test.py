import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import models
from keras_vq import zoo
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae

TEXTS = ["a red cone", "a blue box", "a cyan box"]


def create(max_length=10, **kwargs):
    return models.TextEncoder(
        max_length, num_layers=1, num_heads=2, hidden_dim=16, seed=0, **kwargs
    )


@pytest.fixture(scope="module")
def encoder():
    model = create()
    model.compile(keras.optimizers.Adam(0.02))
    characters = np.tile(model.characters(TEXTS), (16, 1))
    model.history = model.fit(characters, epochs=30, verbose=0).history
    return model


def test_characters():
    encoder = create(4)
    np.testing.assert_array_equal(
        encoder.characters(["~ a", ""]), [[95, 1, 66, 0], [0, 0, 0, 0]]
    )


def test_masked_characters_are_found(encoder):
    assert encoder.history["loss"][-1] < 0.4 * encoder.history["loss"][0]
    results = encoder.evaluate(
        encoder.characters(TEXTS), verbose=0, return_dict=True
    )
    assert results["accuracy"] > 0.7


def test_a_character_changes_all_vectors(encoder):
    first, second = encoder.encode(["a red cone", "a red bone"])
    assert first.shape == encoder.condition_shape == (10, 16)
    assert np.abs(first - second).max(axis=1).min() > 1e-4
    np.testing.assert_allclose(
        encoder.encode("a red cone")[0], first, atol=1e-5
    )


def test_saved(encoder, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    restored = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(
        restored.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6
    )


def test_a_generator_takes_texts(encoder, rng, tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=4)
    prior = zoo.maskgit(
        tokenizer,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        condition_shape=encoder.condition_shape,
        label_dropout=0.2,
        learning_rate=0.02,
        num_steps=2,
        choice_temperature=0.0,
    )
    texts = np.repeat(TEXTS, 16)
    codes = np.repeat(np.arange(3), 16)[:, None, None] * np.ones((2, 2), int)
    prior.fit(
        (codes, encoder.encode(texts)), epochs=25, batch_size=16, verbose=0
    )
    generator = LatentGenerator(tokenizer, prior, encoder)
    options = {"seed": 0, "temperature": 0.1, "guidance_scale": 2.0}
    found = prior.generate(3, condition=encoder.encode(TEXTS), **options)
    assert np.mean(found == np.arange(3)[:, None, None]) > 0.8
    images = generator.generate(3, condition=TEXTS, **options)
    np.testing.assert_allclose(images, tokenizer.decode(found), atol=1e-6)
    generator.save(tmp_path / "generator.keras")
    restored = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(
        restored.condition_tokenizer.encode(TEXTS),
        encoder.encode(TEXTS),
        atol=1e-6,
    )
    images = tiny_images(rng, 3)
    mask = np.ones(images.shape[1:3], bool)
    assert (
        generator.inpaint(images, mask, condition=TEXTS).shape == images.shape
    )
    with pytest.raises(ValueError, match=r"shape \(8, 16\) for a prior.*10"):
        LatentGenerator(tokenizer, prior, create(8))


def test_a_condition_of_another_width(encoder, rng):
    prior = zoo.vq_diffusion(
        tiny_vqvae(),
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        condition_shape=(10, 16),
    )
    codes, condition = np.zeros((2, 2, 2), int), rng.normal(size=(2, 10, 8))
    with pytest.raises(ValueError, match=r"\(None, 10, 16\).*\(2, 10, 8\)"):
        prior.fit((codes, condition), verbose=0)
    with pytest.raises(ValueError, match="without `label_dropout`"):
        prior.generate(
            2, condition=rng.normal(size=(2, 10, 16)), guidance_scale=2.0
        )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a magenta cylinder", "up to 10 characters. Received: 18"),
        (["für"], "printable ASCII characters. Received: 'ü'"),
        ([None], "of type NoneType"),
    ],
)
def test_bad_texts(encoder, texts, message):
    with pytest.raises(ValueError, match=message):
        encoder.encode(texts)


def test_bad_arguments(encoder):
    with pytest.raises(ValueError, match=r"mask_share=1\.0"):
        create(mask_share=1.0)
    with pytest.raises(ValueError, match=r"characters\(texts\), of shape"):
        encoder.fit(np.zeros((2, 7), int))
