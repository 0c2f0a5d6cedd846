"""A model without codes, from recipe to SavedModel."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

RECIPE = """
model = "vae"

[arguments]
input_shape = [32, 32, 1]
latent_dim = 4
network = "mlp"
hidden_dim = 16
num_residual_layers = 0
beta_warmup_steps = 5

[data]
name = "scenes"
train_split = "train[:250]"
test_split = "test[:50]"
batch_size = 32
binarize = true

[training]
epochs = 2
"""


@pytest.fixture
def run(cli, tmp_path):
    recipe = tmp_path / "vae.toml"
    recipe.write_text(RECIPE)
    code, output, errors = cli("train", recipe, "--out", tmp_path / "run")
    assert code == 0, errors
    assert "samples" in output
    return tmp_path / "run"


def test_train_generate_evaluate_reconstruct_and_export(cli, run, tmp_path):
    assert not (run / "codebook").exists()
    for epoch in (1, 2):
        assert (run / "samples" / f"epoch_{epoch:04d}.png").exists()
    out = tmp_path / "new.png"
    code, output, _ = cli("generate", run, "--count", 5, "--out", out)
    assert (code, "5 samples of seed 0" in output) == (0, True)
    assert tf.io.decode_png(out.read_bytes()).shape[0] > 50

    results = json.loads((run / "results.json").read_text())
    code, output, _ = cli("evaluate", run, "--importance-samples", 20)
    assert code == 0
    bound = float(re.search(r"20 samples\s+([\d.]+)", output)[1])
    assert 0 < bound < results["negative_elbo"]

    code, output, _ = cli("info", run)
    assert (code, "4 numbers" in output) == (0, True)
    assert cli("reconstruct", run)[0] == 0
    code, _, errors = cli("export", run, tmp_path / "served")
    assert code == 0, errors
    served = tf.saved_model.load(str(tmp_path / "served"))
    x = tf.zeros((3, 32, 32, 1))
    latents = served.signatures["encode"](inputs=x)["latents"]
    assert latents.shape == (3, 4)
    outputs = served.signatures["decode"](latents=latents)["outputs"]
    np.testing.assert_allclose(
        outputs, served.signatures["serve"](inputs=x)["reconstructions"],
        atol=1e-5,
    )  # fmt: skip


def test_a_model_that_cannot_says_so(cli, refused, recipe, tmp_path):
    out = tmp_path / "run"
    assert cli("train", recipe, "--epochs", 1, "--out", out)[0] == 0
    assert "VQVAE generates nothing" in refused("generate", out)
    message = refused("evaluate", out, "--importance-samples", 3)
    assert "Received: VQVAE" in message
    assert cli("evaluate", out)[0] == 0
