"""A tokenizer, a prior of its codes, and images of the two."""

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import data

PRIOR = """
model = "pixelcnn"

[arguments]
tokenizer = "tokenizer/model.keras"
num_classes = 4
hidden_dim = 8
num_layers = 2
first_kernel_size = 3

[data]
name = "scenes"
train_split = "train[:250]"
test_split = "test[:50]"
batch_size = 32

[training]
epochs = 3
learning_rate = 3e-3
"""


@pytest.fixture
def tokenizer(cli, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, errors = cli("train", recipe, "--epochs", 1, "--out", "tokenizer")
    assert code == 0, errors
    return keras.models.load_model("tokenizer/model.keras")


def test_train_resume_generate_and_info(
    cli, refused, tokenizer, tmp_path, monkeypatch
):
    prior = tmp_path / "prior.toml"
    prior.write_text(PRIOR)
    code, output, errors = cli("train", prior, "--out", "run")
    assert code == 0, errors
    assert "samples" in output
    run = tmp_path / "run"
    for epoch in (1, 2, 3):
        assert (run / "samples" / f"epoch_{epoch:04d}.png").exists()

    model = keras.models.load_model(run / "model.keras")
    assert isinstance(model, LatentGenerator)
    ((codes, labels),) = data.load_codes(
        tokenizer, "scenes", "test[:50]", 50, labels=True
    ).as_numpy_iterator()
    images, same_labels = next(
        data.load("scenes", "test[:50]", 50, labels=True).as_numpy_iterator()
    )
    np.testing.assert_array_equal(codes, tokenizer.encode(images))
    np.testing.assert_array_equal(labels, same_labels)
    results = json.loads((run / "results.json").read_text())
    nats = -model.prior.log_prob(codes, labels).mean() / codes[0].size
    assert results["loss"] == pytest.approx(nats, rel=1e-4)

    code, output, _ = cli("generate", run, "--num", 8, "--out", "grid.png")
    assert (code, "8 samples of seed 0" in output) == (0, True)
    pixels = tf.io.decode_png((tmp_path / "grid.png").read_bytes())
    assert pixels.shape[0] > 50
    code, output, _ = cli("evaluate", run)
    assert (code, f"{results['loss']:.4g}" in output) == (0, True)
    for command in (["reconstruct"], ["interpolate"], ["traverse"]):
        message = refused(*command, run)
        assert "is the run of a prior. Take that of its tokenizer" in message
    assert "--features compares" in refused(
        "evaluate", run, "--features", "f.keras"
    )
    code, output, _ = cli("info", run)
    assert (code, "8 x 8 of 16" in output) == (0, True)

    # The same codes from a folder teach the same.
    assert cli("tokenize", "tokenizer", "codes")[0] == 0
    assert "it exists" in refused("tokenize", "tokenizer", "codes")
    assert "is the run of a prior" in refused("tokenize", run, "other")
    code, _, errors = cli(
        "train", prior, "--dataset", "codes", "--epochs", 1, "--out", "stored"
    )
    assert code == 0, errors
    rows = [
        (tmp_path / name / "metrics.csv").read_text().splitlines()[1]
        for name in ("run", "stored")
    ]
    np.testing.assert_allclose(
        *([float(x) for x in row.split(",")] for row in rows), rtol=1e-4
    )

    # From elsewhere, as if it had been stopped after two epochs.
    expected = model.prior.get_weights()
    os.remove(run / "model.keras")
    os.remove(run / "checkpoints" / "epoch_0003.keras")
    monkeypatch.chdir("/")
    assert cli("train", "--resume", run)[0] == 0
    monkeypatch.chdir(tmp_path)
    again = keras.models.load_model(run / "model.keras").prior.get_weights()
    for a, b in zip(again, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)

    (tmp_path / "tokenizer" / "model.keras").rename("elsewhere.keras")
    message = refused("train", prior, "--out", "other")
    assert "no model for `tokenizer` at " in message
