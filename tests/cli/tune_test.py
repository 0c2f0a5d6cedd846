import csv
import os
import socket
import subprocess
import sys
import tomllib

import keras
import pytest
import tensorflow as tf

from keras_vq.zoo.recipe import Recipe

SEARCH = (
    "--epochs", 1, "--set", "data.train_split=train[:64]",
    "--search", "num_embeddings=[4, 32]",
    "--search", "commitment_cost=0.1..2.0",
)  # fmt: skip


def trials(path):
    with (path / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def searched(cli, recipe, tmp_path):
    """The folder of a search."""
    path = tmp_path / "searched"
    code, output, errors = cli(
        "tune", recipe, "--max-trials", 2, *SEARCH, "--out", path
    )
    assert code == 0, errors
    assert f"keras-vq train {path / 'best.toml'}" in output
    return path


def test_a_search_writes_trials_picture_and_best_recipe(searched):
    rows = trials(searched)
    assert [row["status"] for row in rows] == ["COMPLETED"] * 2
    best = min(rows, key=lambda row: float(row["score"]))
    for row in rows:
        assert row["num_embeddings"] in ("4", "32")
        assert row["score"] == row["val_reconstruction_loss"]
        assert float(row["val_perplexity"]) <= int(row["num_embeddings"])
    found = Recipe.load(searched / "best.toml")
    assert found.arguments["num_embeddings"] == int(best["num_embeddings"])
    assert found.arguments["commitment_cost"] == pytest.approx(
        float(best["commitment_cost"])
    )
    # What only made the trials short stays out of it.
    assert found.training.epochs == 6
    assert found.arguments["data_variance"] == "auto"
    assert found.data.train_split == "train[:64]"
    pixels = tf.io.decode_png((searched / "search.png").read_bytes()).numpy()
    assert pixels.shape[0] > 300
    assert pixels.std() > 20


def test_a_search_resumes(cli, searched):
    options = searched / "search.toml"
    text = options.read_text()
    assert tomllib.loads(text)["max_trials"] == 2
    before = trials(searched)
    options.write_text(text.replace("max_trials = 2", "max_trials = 3"))
    code, _, errors = cli("tune", "--resume", searched)
    assert code == 0, errors
    after = trials(searched)
    assert len(after) == 3
    assert after[:2] == before


def test_chief_and_workers_find_what_one_process_finds(
    searched, recipe, tmp_path
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = tmp_path / "joint"
    command = [
        sys.executable, "-m", "keras_vq.cli.main", "tune", recipe,
        "--max-trials", 2, *SEARCH, "--out", out,
    ]  # fmt: skip
    processes = [
        subprocess.Popen(
            list(map(str, command)),
            env={
                **os.environ,
                "KERAS_BACKEND": keras.config.backend(),
                "KERASTUNER_TUNER_ID": name,
                "KERASTUNER_ORACLE_IP": "127.0.0.1",
                "KERASTUNER_ORACLE_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("chief", "worker0", "worker1")
    ]
    for process in processes:
        output, _ = process.communicate(timeout=400)
        assert process.returncode == 0, output
    assert Recipe.load(out / "best.toml") == Recipe.load(searched / "best.toml")
    for one, other in zip(trials(searched), trials(out), strict=True):
        assert one["commitment_cost"] == other["commitment_cost"]
        assert float(one["score"]) == pytest.approx(
            float(other["score"]), rel=1e-3
        )


def test_bad_input_is_refused_before_any_work(refused, recipe, tmp_path):
    def tune(*args):
        message = refused("tune", recipe, *args, "--out", tmp_path / "new")
        assert not (tmp_path / "new").exists()
        return message

    assert "random, bayesian, hyperband, grid" in tune("--tuner", "best")
    assert "default, rate-distortion" in tune("--objective", "loss")
    message = tune("--search", "num_embedding=[4]")
    assert "Did you mean 'num_embeddings'" in message
    assert "a range (low, high)" in tune("--search", "num_embeddings=4..x")
    assert "a list of choices" in tune("--search", "num_embeddings=4")
    message = refused("tune", "--resume", tmp_path)
    assert "is not the folder of a search" in message
    assert "Give a RECIPE" in refused("tune")
    message = refused(
        "tune", "vae_mnist", "--objective", "rate-distortion", "--out",
        tmp_path / "new",
    )  # fmt: skip
    assert "models with codes" in message
