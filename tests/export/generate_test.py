"""The signature `generate` draws what `LatentGenerator.generate` draws."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.export.requests import eagerly
from tests.helpers import perturbed
from tests.helpers import tiny_vqvae


def draw(signatures, seed, temperature=1.0, **inputs):
    return signatures["generate"](
        seed=tf.constant(seed),
        temperature=tf.constant(temperature),
        **{name: tf.constant(x, tf.int32) for name, x in inputs.items()},
    )["images"]


def expected_draw(generator, *args, **kwargs):
    with eagerly():
        return generator.generate(*args, **kwargs)


def exported(generator, path, **options):
    saved_model(generator, path, **options)
    return tf.saved_model.load(str(path)).signatures


def test_seeds_and_temperatures_are_those_of_generate(
    generator, signatures, exchanges
):
    inputs, outputs = exchanges["generate"]
    labels = inputs["labels"]
    found = draw(signatures, 5, 0.7, labels=labels)
    np.testing.assert_allclose(found, outputs["images"], atol=1e-5)
    expected = expected_draw(generator, 33, labels, seed=6, temperature=0.7)
    found = draw(signatures, 6, 0.7, labels=labels)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected - outputs["images"]).max() > 0.1

    coldest = expected_draw(generator, 33, labels, seed=5, temperature=0.0)
    found = draw(signatures, 5, 0.0, labels=labels)
    np.testing.assert_allclose(found, coldest, atol=1e-5)


def test_a_hierarchical_prior_draws_a_number_of_images(tmp_path):
    tokenizer = zoo.vqvae2(
        (8, 8, 3),
        num_embeddings=8,
        embedding_dim=4,
        hidden_dim=4,
        num_residual_layers=0,
        downsampling=2,
    )
    prior = zoo.vqvae2_prior(
        tokenizer,
        hidden_dim=8,
        num_layers=1,
        first_kernel_size=3,
        num_attentions=1,
        num_heads=2,
        num_residual_layers=1,
    )
    generator = perturbed(LatentGenerator(tokenizer, prior))
    signatures = exported(generator, tmp_path / "served")
    found = draw(signatures, 3, num_images=5)
    expected = expected_draw(generator, 5, seed=3, batch_size=2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("factory", "options"),
    [
        (zoo.maskgit, {"num_steps": 3}),
        (zoo.vq_diffusion, {"num_steps": 4, "corruption": "absorbing"}),
    ],
)
def test_priors_that_draw_many_codes_at_a_time(factory, options, tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=8)
    prior = factory(
        tokenizer,
        num_classes=3,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        **options,
    )
    generator = perturbed(LatentGenerator(tokenizer, prior))
    signatures = exported(generator, tmp_path / "served")
    labels = [0, 2, 1, 1]
    for temperature in (0.0, 1.0):
        found = draw(signatures, 3, temperature, labels=labels)
        expected = expected_draw(
            generator, 4, labels, seed=3, temperature=temperature
        )
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(np.unique(np.round(expected, 3), axis=0)) > 1


def test_a_prior_of_continuous_latents_takes_no_temperature(tmp_path):
    tokenizer = tiny_vqvae(num_embeddings=8)
    prior = zoo.latent_diffusion(
        tokenizer,
        num_classes=3,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        schedule="linear",
        solver="ddpm",
        num_steps=3,
    )
    generator = perturbed(LatentGenerator(tokenizer, prior))
    prior.tokenizer_fingerprint = None
    signatures = exported(generator, tmp_path / "served")
    labels = np.array([0, 2, 1, 1], "int32")
    found = signatures["generate"](seed=np.int32(3), labels=labels)["images"]
    expected = expected_draw(generator, 4, labels, seed=3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(np.unique(np.round(expected, 3), axis=0)) > 1


def test_a_prior_takes_a_condition_and_several_codes_per_position(tmp_path):
    tokenizer = models.Pixels((4, 4, 3), num_embeddings=5)
    prior = zoo.transformer(
        tokenizer,
        models.Pixels((2, 2, 1), num_embeddings=3),
        num_classes=2,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
    )
    generator = perturbed(LatentGenerator(tokenizer, prior))
    signatures = exported(generator, tmp_path / "served")
    labels = np.array([0, 1, 1], "int32")
    condition = np.arange(12).reshape(3, 2, 2) % 3
    found = draw(signatures, 3, labels=labels, condition=condition)
    expected = expected_draw(generator, 3, labels, condition, seed=3)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_xla_draws_the_same_from_the_most_probable_codes(generator, tmp_path):
    signatures = exported(
        generator, tmp_path / "served", top_k=5, jit_compile=True
    )
    labels = np.array([0, 2], "int32")
    found = draw(signatures, 1, 2.0, labels=labels)
    expected = expected_draw(
        generator, 2, labels, temperature=2.0, top_k=5, seed=1
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
