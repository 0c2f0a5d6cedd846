import numpy as np
import pytest

from keras_vq import data
from keras_vq import models
from keras_vq import zoo


def test_codes_of_several_maps_come_as_tuples(scenes_dir):
    tokenizer = zoo.vqvae2((32, 32, 3), num_embeddings=8, hidden_dim=8)
    options = {"split": "test[:40]", "batch_size": 25, "data_dir": scenes_dir}
    batches = list(data.load_codes(tokenizer, "scenes", **options))
    ((top, bottom),) = batches[0]
    assert (top.shape, bottom.shape) == ((25, 4, 4), (25, 8, 8))
    assert len(batches) == 2
    (top, bottom), labels = next(
        iter(data.load_codes(tokenizer, "scenes", labels=True, **options))
    )
    assert (top.shape, labels.shape) == ((25, 4, 4), (25,))


def test_continuous_latents(scenes_dir):
    tokenizer = zoo.vqvae((32, 32, 3), num_embeddings=8, hidden_dim=8)
    options = {"split": "test[:20]", "data_dir": scenes_dir}
    dataset = data.load_codes(tokenizer, "scenes", continuous=True, **options)
    images = next(iter(data.load("scenes", shuffle=False, **options)))
    np.testing.assert_allclose(
        next(iter(dataset)), tokenizer.encode_latents(images), atol=1e-5
    )
    assert dataset.tokenizer_fingerprint == tokenizer.latent_fingerprint()
    with pytest.raises(ValueError, match=r"keras_vq\.models\.FirstStage"):
        data.load_codes("vqvae", "scenes", continuous=True, **options)


def test_captions_are_the_condition(scenes_dir):
    tokenizer = zoo.vqvae((32, 32, 3), num_embeddings=8, hidden_dim=8)
    encoder = models.TextEncoder(52, num_layers=1, hidden_dim=8)
    options = {"split": "test[:20]", "data_dir": scenes_dir}
    ((codes, condition),) = next(
        iter(
            data.load_codes(
                tokenizer,
                "scenes",
                condition_tokenizer=encoder,
                condition="caption",
                **options,
            )
        )
    )
    assert codes.shape == (20, 8, 8)
    expected = encoder.encode(data.load_texts("scenes", **options))
    np.testing.assert_allclose(condition, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"keras_vq\.models\.Tokenizer"):
        data.tokenize(
            tokenizer,
            "scenes",
            "codes",
            condition_tokenizer=encoder,
            condition="caption",
        )
