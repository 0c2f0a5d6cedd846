import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tomllib

import keras
import pytest
import tensorflow as tf

from keras_vq import recipes
from tests.runs import write_recipe

SETTINGS = {"data.train_split": "train[:32]", "data.test_split": "test[:16]"}
SEARCH = {"num_embeddings": [4, 32], "commitment_cost": (0.1, 2.0)}


def trials(path):
    with (path / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def searched(scenes_dir, tmp_path_factory):
    """The folder of a search; tests only read it."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", scenes_dir)
        found = recipes.search(
            write_recipe("vqvae", folder),
            SEARCH,
            max_trials=2,
            settings=SETTINGS,
            epochs=1,
            out=folder / "searched",
        )
    return found.path


def test_a_search_writes_trials_plot_and_best_recipe(searched):
    rows = trials(searched)
    assert [row["status"] for row in rows] == ["COMPLETED"] * 2
    best = min(rows, key=lambda row: float(row["score"]))
    for row in rows:
        assert row["num_embeddings"] in ("4", "32")
        assert 0.1 <= float(row["commitment_cost"]) <= 2.0
        assert row["score"] == row["val_reconstruction_loss"]
        assert float(row["val_perplexity"]) <= int(row["num_embeddings"])
    found = recipes.Search(searched)
    assert found.searched == ["num_embeddings", "commitment_cost"]
    arguments = found.best.arguments
    assert arguments["num_embeddings"] == int(best["num_embeddings"])
    assert arguments["commitment_cost"] == pytest.approx(
        float(best["commitment_cost"])
    )
    # Epochs and variance are those of the recipe, not of the trials.
    assert found.best.training.epochs == 2
    assert arguments["data_variance"] == "auto"
    assert found.best.data.train_split == "train[:32]"
    pixels = tf.io.decode_png((searched / "search.png").read_bytes()).numpy()
    assert pixels.shape[0] > 300
    assert pixels.std() > 20


def test_a_search_resumes(searched, tmp_path):
    resumed = shutil.copytree(searched, tmp_path / "resumed")
    options = resumed / "search.toml"
    text = options.read_text()
    assert tomllib.loads(text)["max_trials"] == 2
    options.write_text(text.replace("max_trials = 2", "max_trials = 3"))
    recipes.resume_search(resumed)
    after = trials(resumed)
    assert len(after) == 3
    assert after[:2] == trials(searched)


def test_chief_and_workers_find_what_one_process_finds(searched, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = tmp_path / "joint"
    command = [
        sys.executable, "-m", "keras_vq.cli.main", "tune",
        write_recipe("vqvae", tmp_path), "--max-trials", 2, "--epochs", 1,
        "--search", "num_embeddings=[4, 32]", "--search",
        "commitment_cost=0.1..2.0", "--out", out,
        *(part for k, v in SETTINGS.items() for part in ("--set", f"{k}={v}")),
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
    assert recipes.Search(out).best == recipes.Search(searched).best
    for one, other in zip(trials(searched), trials(out), strict=True):
        assert one["commitment_cost"] == other["commitment_cost"]
        assert float(one["score"]) == pytest.approx(
            float(other["score"]), rel=1e-3
        )


def test_a_search_goes_on_past_trials_that_fail(tmp_path):
    """Three in a row do not build, and one diverges."""
    choices = ["subpixel", "sideways", "up", "down"]
    found = recipes.search(
        write_recipe("vqvae", tmp_path),
        {"learning_rate": [1e30, 1e-3], "upsampling": choices},
        tuner="grid",
        max_trials=8,
        settings={**SETTINGS, "schedule": "constant"},
        epochs=1,
        out=tmp_path / "search",
    )
    rows = {
        (float(row["learning_rate"]), row["upsampling"]): row
        for row in trials(found.path)
    }
    assert len(rows) == 8
    done = rows.pop((1e-3, "subpixel"))
    assert done["status"] == "COMPLETED"
    assert done["error"] == ""
    assert {row["status"] for row in rows.values()} == {"FAILED"}
    assert "diverged in epoch 1" in rows[1e30, "subpixel"]["error"]
    assert "'sideways'" in rows[1e-3, "sideways"]["error"]
    assert found.best.arguments["upsampling"] == "subpixel"
    assert found.best.training.learning_rate == 1e-3
    files = [*found.path.glob("trials/**/*.json")]
    assert len(files) > 8
    for file in files:
        json.loads(file.read_text(), parse_constant=pytest.fail)  # NaN


def test_a_search_without_a_good_trial_says_why(tmp_path):
    with pytest.raises(ValueError, match="sideways"):
        recipes.search(
            write_recipe("vqvae", tmp_path),
            {"upsampling": ["sideways"]},
            max_trials=1,
            settings=SETTINGS,
            epochs=1,
            out=tmp_path / "b",
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tuner": "best"}, "'bayesian', 'hyperband', 'grid'"),
        ({"objective": "loss"}, "'default', 'rate-distortion'"),
        ({"choices": {"num_embedding": [4]}}, "Did you mean 'num_embeddings'"),
        ({"choices": {"num_embeddings": "4..x"}}, "a range .low, high."),
        ({"choices": {"num_embeddings": 4}}, "a list of choices"),
        (
            {"recipe": "vae_mnist", "objective": "rate-distortion"},
            "needs a model with codes. Received: vae",
        ),
    ],
)
def test_bad_arguments_are_refused_before_any_work(
    arguments, message, tmp_path
):
    recipe = write_recipe("vqvae", tmp_path)
    with pytest.raises(ValueError, match=message):
        recipes.search(**{"recipe": recipe, "out": tmp_path / "x", **arguments})
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileNotFoundError, match="not the folder of a search"):
        recipes.resume_search(tmp_path)


@pytest.mark.parametrize(
    "variables",
    [
        {"TUNER_ID": "chief"},
        {"ORACLE_IP": "127.0.0.1", "ORACLE_PORT": "8000"},
        {"TUNER_ID": "x", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": "http"},
    ],
)
def test_incomplete_variables_of_the_tuner_are_reported(
    tmp_path, monkeypatch, variables
):
    for name, value in variables.items():
        monkeypatch.setenv(f"KERASTUNER_{name}", value)
    with pytest.raises(ValueError, match=r"needs .*ORACLE_PORT \(a number\)"):
        recipes.search(write_recipe("vqvae", tmp_path), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
