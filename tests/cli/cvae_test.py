"""A conditional model without codes, from recipe to SavedModel."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

RECIPE = """
model = "cvae"

[arguments]
input_shape = [32, 32, 1]
num_classes = 4
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
    recipe = tmp_path / "cvae.toml"
    recipe.write_text(RECIPE)
    code, output, errors = cli("train", recipe, "--out", tmp_path / "run")
    assert code == 0, errors
    assert "samples" in output
    assert "interpolations" in output
    return tmp_path / "run"


def test_train_generate_evaluate_draw_and_export(cli, refused, run, tmp_path):
    assert not (run / "codebook").exists()
    for epoch in (1, 2):
        assert (run / "samples" / f"epoch_{epoch:04d}.png").exists()
    out = tmp_path / "new.png"
    code, output, _ = cli("generate", run, "--num", 5, "--out", out)
    assert (code, "5 samples of seed 0" in output) == (0, True)
    assert tf.io.decode_png(out.read_bytes()).shape[0] > 50
    assert cli("generate", run, "--num", 2, "--label", 3)[0] == 0
    assert "has classes 0 to 3" in refused("generate", run, "--label", 4)

    results = json.loads((run / "results.json").read_text())
    code, output, _ = cli("evaluate", run, "--importance-samples", 20)
    assert code == 0
    bound = float(re.search(r"20 samples\s+([\d.]+)", output)[1])
    assert 0 < bound < results["negative_elbo"]

    code, output, _ = cli("info", run)
    assert (code, "4 numbers" in output) == (0, True)
    for command in ("reconstruct", "interpolate", "traverse"):
        code, output, _ = cli(command, run)
        assert (code, "Wrote" in output) == (0, True)
    assert "needs --label with image" in refused("reconstruct", run, out)
    code, output, _ = cli("reconstruct", run, out, "--label", 1)
    assert (code, "1 images" in output) == (0, True)
    code, _, errors = cli("export", run, tmp_path / "served")
    assert code == 0, errors
    served = tf.saved_model.load(str(tmp_path / "served"))
    x = tf.zeros((3, 32, 32, 1))
    labels = tf.constant([0, 1, 3])
    given = {"inputs": x, "labels": labels}
    latents = served.signatures["encode"](**given)["latents"]
    assert latents.shape == (3, 4)
    decode = served.signatures["decode"]
    outputs = decode(latents=latents, labels=labels)["outputs"]
    np.testing.assert_allclose(
        outputs, served.signatures["serve"](**given)["reconstructions"],
        atol=1e-5,
    )  # fmt: skip


def test_a_model_that_cannot_says_so(cli, refused, recipe, tmp_path):
    out = tmp_path / "run"
    assert cli("train", recipe, "--epochs", 1, "--out", out)[0] == 0
    assert "VQVAE generates nothing" in refused("generate", out)
    for command in ("interpolate", "traverse"):
        assert "between the codes of a VQVAE" in refused(command, out)
    assert "one level of codes" in refused("reconstruct", out, "--levels")
    assert "takes no --label" in refused("reconstruct", out, "x", "--label", 1)
    assert "no feature network at" in refused("evaluate", out, "--features=x")
    message = refused("evaluate", out, "--importance-samples", 3)
    assert "Received: VQVAE" in message
    assert cli("evaluate", out)[0] == 0
