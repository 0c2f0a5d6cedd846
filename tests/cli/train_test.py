import csv
import json
import re
import tomllib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq.cli.run import Run

QUICK = ("--epochs", 1, "--set", "data.train_split=train[:64]")


@pytest.fixture
def run(cli, recipe, tmp_path):
    """A trained run."""
    path = tmp_path / "runs" / "first"
    code, output, errors = cli(
        "train", recipe, "--epochs", 2, "--set", "num_embeddings=8", "--out",
        path,
    )  # fmt: skip
    assert code == 0, errors
    assert str(path / "model.keras") in output
    return path


def test_a_run_holds_recipe_metrics_logs_pictures_and_model(run):
    values = tomllib.loads((run / "recipe.toml").read_text())
    assert values["training"]["epochs"] == 2
    assert values["arguments"]["num_embeddings"] == 8
    variance = values["arguments"]["data_variance"]
    images = np.concatenate(
        list(_scenes(values["data"]["train_split"]).as_numpy_iterator())
    )
    assert variance == pytest.approx(images.var(), rel=1e-5)

    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    results = json.loads((run / "results.json").read_text())
    assert results["loss"] == pytest.approx(
        float(rows[1]["val_loss"]), rel=1e-4
    )
    pictures = [
        run / name / f"epoch_{epoch:04d}.png"
        for name in ("reconstructions", "codebook")
        for epoch in (1, 2)
    ]
    for picture in [*pictures, run / "curves.png"]:
        pixels = tf.io.decode_png(picture.read_bytes()).numpy()
        assert pixels.shape[0] > 100
        assert pixels.std() > 20
    assert list((run / "logs" / "train").glob("events*"))
    model = keras.models.load_model(run / "model.keras")
    assert model.num_embeddings == 8
    # Cosine decay over the run's steps: the last one has no rate left.
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


def _scenes(split):
    from keras_vq.data import load

    return load("scenes", split, shuffle=False)


def test_reconstruct_info_and_export(cli, run, tmp_path):
    code, output, _ = cli("reconstruct", run)
    assert code == 0
    assert "16 images, mean squared error 0.0" in output
    assert (run / "reconstruction.png").stat().st_size > 5000

    photo = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), "uint8")
    photo.write_bytes(tf.io.encode_png(pixels).numpy())
    out = tmp_path / "drawn"
    code, output, _ = cli("reconstruct", run, photo, photo, "--out", out)
    assert code == 0
    assert "2 images" in output
    assert out.exists()

    code, output, _ = cli("info", run)
    assert code == 0
    for part in ("complete", "8 x 8 of 8", "192 bits per input", "test loss"):
        assert part in output

    code, output, _ = cli(
        "export", run, tmp_path / "served", "--version", 1, "--png"
    )
    assert code == 0
    assert f"Wrote {tmp_path / 'served' / '1'}" in output
    served = tf.saved_model.load(str(tmp_path / "served" / "1"))
    assert "decode_png" in served.signatures


def test_codebooks_start_from_the_data(cli, recipe, tmp_path):
    """Without steps to speak of, only k-means can bring all codes into use."""
    usage = {}
    for adapt in ("false", "true"):
        out = tmp_path / adapt
        code, _, errors = cli(
            "train", recipe, *QUICK, "--set", f"adapt={adapt}", "--set",
            "learning_rate=1e-9", "--set", "ema_decay=0.9999", "--out", out,
        )  # fmt: skip
        assert code == 0, errors
        results = json.loads((out / "results.json").read_text())
        usage[adapt] = results["codebook_usage"]
    assert usage["true"] == 1 > usage["false"]


def test_only_a_codebook_starts_from_data(cli, tmp_path):
    out = tmp_path / "run"
    code, _, errors = cli(
        "train", "vae_mnist", "--set", "adapt=true", "--out", out
    )
    assert code == 2
    assert "adapt=true for vae, which has none" in errors
    assert not out.exists()


def test_info_on_a_recipe(cli):
    code, output, _ = cli("info", "vqvae_mnist")
    assert code == 0
    for part in ("VQVAE", "7 x 7 of 256", "data.name", "mnist"):
        assert part in output


def test_help_names_every_command(cli):
    code, output, _ = cli("--help")
    assert code == 0
    for command in ("train", "reconstruct", "export", "info"):
        assert command in output


def test_own_folder_of_images(cli, recipe, tmp_path, rng, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(20):
        pixels = rng.integers(0, 256, (40, 50, 3), dtype="uint8")
        (folder / f"{i}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "run"
    code, _, errors = cli(
        "train", recipe, "--dataset", "photos", "--quick", "--set",
        "train_split=train", "--set", "test_split=test", "--out", out,
    )  # fmt: skip
    assert code == 0, errors
    assert Run(out).recipe.data.name == str(folder)  # found from anywhere


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("vqvae_mnits",), "Did you mean 'vqvae_mnist'"),
        (("no.toml",), "There is no recipe file no.toml"),
        ((), "Give a RECIPE"),
        (("RECIPE", "--set", "epohcs=3"), "Did you mean 'epochs'"),
        (("RECIPE", "--set", "training.epohcs=3"), "'training.epochs'"),
        (("RECIPE", "--set", "num_embedings=3"), "'num_embeddings'"),
        (("RECIPE", "--set", "epochs"), "key=value"),
        (("RECIPE", "--set", "epochs=-1"), "training.epochs: .*-1"),
        (("RECIPE", "--set", "epochs=ten"), "training.epochs: .*'ten'"),
        (("RECIPE", "--set", "num_embeddings=1"), "num_embeddings=1"),
        (("RECIPE", "--set", "downsampling=3"), "downsampling=3"),
        (("RECIPE", "--set", "input_shape=[32, 32]"), "input_shape=.32, 32"),
        (("RECIPE", "--set", "input_shape=[0, 32, 3]"), "positive"),
        (("RECIPE", "--set", "input_shape=[32, 32, 2]"), "1 or 3"),
        (("RECIPE", "--set", "input_shape=32"), "arguments.input_shape: .*32"),
        (("RECIPE", "--set", "commitment_cost=a"), "cost: .*number.*'a'"),
        (("RECIPE", "--set", "num_embeddings=none"), "embeddings: .*integer"),
        (("RECIPE", "--set", "ema_decay=1.0"), "decay=1.0"),
        (("RECIPE", "--set", "data_variance=0"), "data_variance=0"),
        (("RECIPE", "--set", "model=vqvea"), "Unknown key 'model'"),
        (("RECIPE", "--set", "batch_size=0"), "data.batch_size"),
        (("RECIPE", "--dataset", "mnits"), "Did you mean 'mnist'"),
        (("RECIPE", "--dataset", "EMPTY"), "No images found"),
        (("RECIPE", "--dataset", "CORRUPT"), "Cannot read the image .*bad"),
        (("RECIPE", "--resume", "RUN"), "goes with no other argument"),
        (("--resume", "EMPTY"), "not the folder of a run"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    refused, recipe, tmp_path, monkeypatch, args, message
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "corrupt").mkdir()
    for name in ("bad.png", "worse.png"):
        (tmp_path / "corrupt" / name).write_bytes(b"not an image")
    names = {
        "RECIPE": recipe,
        "EMPTY": tmp_path / "empty",
        "CORRUPT": tmp_path / "corrupt",
        "RUN": tmp_path,
    }
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    found = refused("train", *(names.get(a, a) for a in args))
    assert re.search(message, found), found
    assert list(work.iterdir()) == []


def test_existing_and_unwritable_folders(refused, recipe, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, tmp_path):
        assert "exists" in refused("train", recipe, "--out", out)
    assert "not a folder" in refused("train", recipe, "--out", file / "run")
    assert file.read_text() == "mine"


def test_truncated_files_are_named(refused, run, recipe, tmp_path):
    recipe.write_text(recipe.read_text()[:100])
    assert "tiny.toml" in refused("train", recipe)
    model = run / "model.keras"
    model.write_bytes(model.read_bytes()[:2000])
    for args in (("reconstruct", run), ("export", run, tmp_path / "served")):
        assert "is damaged or not a .keras file" in refused(*args)
    assert not (tmp_path / "served").exists()


def test_export_and_reconstruct_refuse_bad_paths(refused, run, tmp_path):
    assert "it exists" in refused("export", run, tmp_path)
    assert "does not exist" in refused("export", run, tmp_path / "a" / "b")
    out = tmp_path / "out"
    (out / "1").mkdir(parents=True)
    assert "1: it exists" in refused("export", run, out, "--version", 1)
    for options, message in (
        (("--format", "h5"), "'h5'"),
        (("--format", "onnx", "--png"), "no options. Received: png"),
        (("--top-k", 5), "of a generator's `generate`"),
    ):
        assert message in refused("export", run, out / "2", *options)
    assert [path.name for path in out.iterdir()] == ["1"]
    assert "There is no image" in refused("reconstruct", run, "no.png")
    assert "not the folder of a run" in refused("reconstruct", tmp_path)
    assert "Unknown recipe" in refused("info", "nothing")
