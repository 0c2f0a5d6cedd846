import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.helpers import run_python
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return tiny_vqvae()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "served"
    saved_model(model, path)
    return path


def run_signatures(path, folder, **inputs):
    """The outputs of all signatures, run without keras."""
    np.savez(folder / "in.npz", **inputs)
    script = pathlib.Path(__file__).with_name("read_saved_model.py")
    run_python(script, path, folder / "in.npz", folder / "out.npz")
    found = np.load(folder / "out.npz")
    assert list(found["names"]) == [
        "decode",
        "encode",
        "serve",
        "serving_default",
    ]
    return found


def check_outputs(found, outputs):
    for name in ("default", "serve", "decoded"):
        np.testing.assert_allclose(found[name], outputs, atol=1e-5)
    np.testing.assert_allclose(found["one"], outputs[:1], atol=1e-5)


def test_signatures_run_without_keras(rng, model, exported, tmp_path):
    x = tiny_images(rng, 5)
    found = run_signatures(exported, tmp_path, inputs=x)
    np.testing.assert_array_equal(found["indices"], model.encode(x))
    check_outputs(found, model.predict(x, verbose=0))


def test_several_codes_of_a_position_are_one_array(rng, tmp_path):
    quantizer = layers.ResidualVectorQuantizer(
        layers.VectorQuantizerEMA(8, 4), num_stages=2
    )
    model = tiny_vqvae(quantizer=quantizer)
    model.adapt(tiny_images(rng, 8))
    x = tiny_images(rng, 3)
    saved_model(model, tmp_path / "served")
    found = run_signatures(tmp_path / "served", tmp_path, inputs=x)
    assert found["indices"].shape == (3, 2, 2, 2)
    np.testing.assert_array_equal(found["indices"], model.encode(x))
    check_outputs(found, model.predict(x, verbose=0))


def test_several_maps_of_codes_have_a_name_each(rng, tmp_path):
    x = tiny_images(rng, 3)
    model = zoo.vqvae2((8, 8, 3), hidden_dim=8, downsampling=2)
    saved_model(model, tmp_path / "served")
    found = run_signatures(tmp_path / "served", tmp_path, inputs=x)
    top, bottom = model.encode(x)
    np.testing.assert_array_equal(found["indices_0"], top)
    np.testing.assert_array_equal(found["indices_1"], bottom)
    check_outputs(found, model.predict(x, verbose=0))


def test_a_conditional_model_takes_labels(rng, tmp_path):
    x, labels = tiny_images(rng, 3), np.array([0, 3, 1], "int32")
    model = models.CVAE(
        (8, 8, 3), num_classes=4, latent_dim=3, network="mlp", hidden_dim=4
    )
    saved_model(model, tmp_path / "served")
    found = run_signatures(
        tmp_path / "served", tmp_path, inputs=x, labels=labels
    )
    latents = model.encode(x, labels)
    np.testing.assert_allclose(found["latents"], latents, atol=1e-5)
    check_outputs(found, model.decode(latents, labels))


def saved_model_cli(*args):
    cli = pathlib.Path(sys.executable).with_name("saved_model_cli")
    child = subprocess.run(
        [cli, *map(str, args)], capture_output=True, text=True, timeout=300
    )
    assert child.returncode == 0, child.stderr
    return child.stdout


def test_saved_model_cli_shows_and_runs_it(rng, model, exported, tmp_path):
    shown = saved_model_cli(
        "show", "--dir", exported, "--tag_set", "serve", "--signature_def",
        "serving_default",
    )  # fmt: skip
    assert re.search(r"inputs\['inputs'\].*\n.*DT_FLOAT", shown)
    assert "(-1, 8, 8, 3)" in shown
    assert "outputs['reconstructions']" in shown
    x = tiny_images(rng, 3)
    np.save(tmp_path / "x.npy", x)
    saved_model_cli(
        "run", "--dir", exported, "--tag_set", "serve", "--signature_def",
        "encode", "--inputs", f"inputs={tmp_path / 'x.npy'}", "--outdir",
        tmp_path,
    )  # fmt: skip
    codes = np.load(tmp_path / "indices.npy")
    np.testing.assert_array_equal(codes, model.encode(x))


def test_existing_path_is_refused_and_left_alone(model, tmp_path):
    path = tmp_path / "here"
    path.mkdir()
    (path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="it exists"):
        saved_model(model, path)
    assert (path / "file").read_text() == "mine"


def test_missing_parent_is_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no does not exist"):
        saved_model(model, tmp_path / "no" / "served")


def test_a_failing_export_leaves_nothing_behind(tmp_path):
    class Broken(type(tiny_vqvae())):
        """Not importable by a child process, and not traceable either."""

        def encode_step(self, x):
            raise RuntimeError("broken")

    model = Broken((8, 8, 3), tiny_vqvae().quantizer)
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        saved_model(model, tmp_path / "served")
    assert list(tmp_path.iterdir()) == []
