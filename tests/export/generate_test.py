import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.helpers import tiny_vqvae

PRIOR = {"hidden_dim": 8, "num_layers": 2, "first_kernel_size": 3}


def pixelcnn(**kwargs):
    tokenizer = tiny_vqvae()
    return LatentGenerator(
        tokenizer, zoo.pixelcnn(tokenizer, **PRIOR, **kwargs)
    )


def hierarchical():
    tokenizer = zoo.vqvae2(
        (16, 16, 3),
        num_embeddings=8,
        embedding_dim=4,
        hidden_dim=8,
        num_residual_layers=1,
        residual_hidden_dim=4,
    )
    prior = zoo.vqvae2_prior(tokenizer, num_blocks=1, num_heads=2, **PRIOR)
    return LatentGenerator(tokenizer, prior)


def vary(generator):
    rng = np.random.default_rng(1)
    for w in generator.weights:
        if "seed" not in w.path and w.dtype == "float32":
            w.assign(w + 0.2 * rng.normal(size=w.shape))
    return generator


def test_the_graph_draws_what_generate_draws_by_label(tmp_path):
    generator = vary(pixelcnn(num_classes=3))
    saved_model(generator, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    assert set(served.signatures) == {
        "serving_default",
        "serve",
        "encode",
        "decode",
        "generate",
    }
    labels = np.array([0, 2, 1, 1], "int32")
    for seed in (0, 5):
        found = served.signatures["generate"](
            seed=tf.constant(seed),
            temperature=tf.constant(1.0),
            labels=tf.constant(labels),
        )["images"]
        expected = generator.generate(4, labels=labels, seed=seed)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    images = keras.ops.convert_to_numpy(generator(expected))
    found = served.signatures["serve"](inputs=expected)["reconstructions"]
    np.testing.assert_allclose(found, images, atol=1e-5)


@pytest.mark.parametrize("make", [pixelcnn, hierarchical])
def test_the_graph_draws_a_number_of_images(make, tmp_path):
    generator = vary(make())
    saved_model(generator, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    found = served.signatures["generate"](
        seed=tf.constant(3),
        temperature=tf.constant(1.0),
        num_images=tf.constant(5),
    )["images"]
    expected = generator.generate(5, seed=3, batch_size=2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_graph_takes_a_condition_and_several_codes_a_position(tmp_path):
    tokenizer = models.Pixels((4, 4, 3), num_embeddings=5)
    prior = zoo.transformer(
        tokenizer,
        models.Pixels((2, 2, 1), num_embeddings=3),
        num_classes=2,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
    )
    generator = vary(LatentGenerator(tokenizer, prior))
    saved_model(generator, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    labels = np.array([0, 1, 1], "int32")
    condition = np.arange(12).reshape(3, 2, 2) % 3
    found = served.signatures["generate"](
        seed=tf.constant(3),
        temperature=tf.constant(1.0),
        labels=tf.constant(labels),
        condition=tf.constant(condition, tf.int32),
    )["images"]
    expected = generator.generate(3, labels, condition, seed=3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
