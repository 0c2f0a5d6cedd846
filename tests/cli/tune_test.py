import csv
import os
import shutil
import socket
import subprocess
import sys
import tomllib

import keras
import pytest
import tensorflow as tf

from keras_vq.cli.tune import start_search
from keras_vq.zoo.recipe import Recipe
from tests.cli.conftest import RECIPE

SETTINGS = ["data.train_split=train[:64]"]
SEARCH = ["num_embeddings=[4, 32]", "commitment_cost=0.1..2.0"]


def trials(path):
    with (path / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def searched(scenes_dir, tmp_path_factory):
    """The folder of a search."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "tiny.toml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", scenes_dir)
        start_search(
            folder / "tiny.toml",
            max_trials=2,
            settings=SETTINGS,
            search=SEARCH,
            epochs=1,
            out=folder / "searched",
        )
    return folder / "searched"


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


def test_a_search_resumes(cli, searched, tmp_path):
    resumed = shutil.copytree(searched, tmp_path / "resumed")
    options = resumed / "search.toml"
    text = options.read_text()
    assert tomllib.loads(text)["max_trials"] == 2
    options.write_text(text.replace("max_trials = 2", "max_trials = 3"))
    code, output, errors = cli("tune", "--resume", resumed)
    assert code == 0, errors
    assert f"keras-vq train {resumed / 'best.toml'}" in output
    after = trials(resumed)
    assert len(after) == 3
    assert after[:2] == trials(searched)


def test_chief_and_workers_find_what_one_process_finds(
    searched, recipe, tmp_path
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = tmp_path / "joint"
    command = [
        sys.executable, "-m", "keras_vq.cli.main", "tune", recipe,
        "--max-trials", 2, "--epochs", 1, "--out", out,
        *(part for text in SETTINGS for part in ("--set", text)),
        *(part for text in SEARCH for part in ("--search", text)),
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


def test_words_may_be_searched(cli, recipe, tmp_path):
    code, output, errors = cli(
        "tune", recipe, "--max-trials", 1, "--epochs", 1, "--set", SETTINGS[0],
        "--search", 'upsampling=["subpixel", "transposed"]', "--out",
        tmp_path / "words",
    )  # fmt: skip
    assert code == 0, errors
    (row,) = trials(tmp_path / "words")
    assert row["upsampling"] in output


def test_a_search_without_a_good_trial_says_so(refused, recipe, tmp_path):
    message = refused(
        "tune", recipe, "--max-trials", 1, "--epochs", 1,
        "--search", 'upsampling=["sideways"]', "--out", tmp_path / "none",
    )  # fmt: skip
    assert "sideways" in message


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
