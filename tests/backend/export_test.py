"""Exported files compute what a model on the running backend computes."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import export
from keras_vq import models
from keras_vq import zoo
from tests.backend import own_networks
from tests.helpers import one_layer_vqvae
from tests.helpers import perturbed
from tests.helpers import tiny_images


@pytest.fixture(scope="module")
def images():
    return tiny_images(np.random.default_rng(0), 3)


@pytest.fixture(scope="module")
def model():
    """A first stage with networks that a user wrote."""
    return perturbed(own_networks.vqvae(16))


@pytest.fixture(scope="module")
def codes(model, images):
    return model.encode(images)


@pytest.fixture(scope="module")
def outputs(model, codes):
    return model.decode(codes)


def test_saved_models_of_first_stages(
    model, images, codes, outputs, tmp_path, monkeypatch
):
    # A file that a child process must not import.
    (tmp_path / "keras.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    export.saved_model(model, tmp_path / "served")
    signatures = tf.saved_model.load(str(tmp_path / "served")).signatures
    found = signatures["encode"](inputs=images)["indices"]
    np.testing.assert_array_equal(found, codes)
    for count in (1, 3):
        found = signatures["decode"](indices=codes[:count])["outputs"]
        np.testing.assert_allclose(found, outputs[:count], atol=1e-5)
        found = signatures["serve"](inputs=images[:count])["reconstructions"]
        np.testing.assert_allclose(found, outputs[:count], atol=1e-5)


def test_saved_models_of_generators(images, tmp_path):
    tokenizer = one_layer_vqvae()
    prior = zoo.pixelcnn(
        tokenizer,
        num_classes=3,
        hidden_dim=8,
        num_layers=1,
        first_kernel_size=3,
    )
    generator = perturbed(LatentGenerator(tokenizer, prior))
    export.saved_model(generator, tmp_path / "served")
    signatures = tf.saved_model.load(str(tmp_path / "served")).signatures
    assert set(signatures) == {
        "serving_default",
        "serve",
        "encode",
        "decode",
        "generate",
    }
    found = signatures["encode"](inputs=images)["indices"]
    np.testing.assert_array_equal(found, tokenizer.encode(images))
    labels = np.array([0, 2, 1, 1], "int32")
    found = signatures["generate"](
        seed=tf.constant(5),
        temperature=tf.constant(1.0),
        labels=tf.constant(labels),
    )["images"]
    expected = generator.generate(4, labels, seed=5)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.1


def test_onnx_files(model, images, codes, outputs, tmp_path):
    export.onnx(model, tmp_path / "onnx")
    encoder, decoder = (
        onnxruntime.InferenceSession(str(tmp_path / "onnx" / f"{name}.onnx"))
        for name in ("encode", "decode")
    )
    for count in (1, 3):
        (found,) = encoder.run(["indices"], {"inputs": images[:count]})
        np.testing.assert_array_equal(found, codes[:count])
        (found,) = decoder.run(["outputs"], {"indices": codes[:count]})
        np.testing.assert_allclose(found, outputs[:count], atol=1e-5)


def test_a_failing_export_leaves_nothing_behind(tmp_path):
    class Broken(models.VQVAE):
        """A model that is neither traceable nor known to a child process."""

        def encode_step(self, x, labels=None):
            raise RuntimeError("broken")

    vqvae = one_layer_vqvae()
    model = Broken(vqvae.encoder, vqvae.quantizer, vqvae.decoder)
    with pytest.raises(RuntimeError, match=r"(?i)broken"):
        export.saved_model(model, tmp_path / "served")
    assert list(tmp_path.iterdir()) == []
