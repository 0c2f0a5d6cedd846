import csv
import json
import pathlib
import shutil
import sys
import tomllib

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from keras_vq import LatentGenerator
from keras_vq import callbacks
from keras_vq import data
from keras_vq import recipes
from keras_vq.recipes.data import load_training_data
from keras_vq.recipes.train import resolved
from keras_vq.recipes.train import starts_from_data
from tests.helpers import left_by_a_killed_writer
from tests.helpers import to_numpy
from tests.runs import trained_run
from tests.runs import write_recipe


def test_the_history_of_a_run_before_its_first_epoch_is_empty(tmp_path):
    shutil.copy(write_recipe("vqvae", tmp_path), tmp_path / "recipe.toml")
    for text in ("", "epoch,loss\n"):
        (tmp_path / "metrics.csv").write_text(text, encoding="utf-8")
        assert not any(recipes.Run(tmp_path).history.values())


def test_a_run_holds_recipe_metrics_logs_pictures_and_model():
    run = trained_run("vqvae")
    values = tomllib.loads((run.path / "recipe.toml").read_text())
    split = values["data"]["train_split"]
    images = data.load("scenes", split, shuffle=False, batch_size=96)
    variance = next(images.as_numpy_iterator()).var()
    assert values["arguments"]["data_variance"] == pytest.approx(variance)
    assert run.model.likelihood.variance == pytest.approx(variance)

    with (run.path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert run.history["loss"] == [float(row["loss"]) for row in rows]
    assert run.history["loss"][1] < run.history["loss"][0]
    results = json.loads((run.path / "results.json").read_text())
    assert results == run.results
    assert results["loss"] == pytest.approx(run.history["val_loss"][-1], 1e-4)
    for name in ("reconstructions", "codebook"):
        assert_pictures(run, name, epochs=2)
    assert_picture(run.path / "curves.png")
    assert list((run.path / "logs" / "train").glob("events*"))
    # Cosine decay over the steps of the run.
    rate = float(run.model.optimizer.learning_rate)
    assert rate == pytest.approx(0, abs=1e-9)


def test_a_run_without_optional_packages_draws_nothing(
    tmp_path, monkeypatch, capsys
):
    for module in ("matplotlib", "tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    run = recipes.train(
        write_recipe("vqvae", tmp_path), out=tmp_path / "run", epochs=1
    )
    assert "'keras_vq[plots]'" in capsys.readouterr().out
    assert run.is_complete
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".lock",
        "checkpoints",
        "fingerprint.json",
        "metrics.csv",
        "model.keras",
        "recipe.toml",
        "results.json",
    ]


def test_tensorboard_shows_pictures_code_use_and_hyperparameters():
    """The event files are read back: pictures are those of the folder."""
    run = trained_run("vqvae")
    (file,) = (run.path / "logs").glob("events*")
    events = [e for e in tf.compat.v1.train.summary_iterator(str(file))]
    found = {
        (value.tag, event.step): value
        for event in events
        for value in event.summary.value
    }
    for name in ("reconstructions", "codebook"):
        for epoch in (0, 1):
            width, height, png = tf.make_ndarray(found[name, epoch].tensor)
            path = run.path / name / f"epoch_{epoch + 1:04d}.png"
            pixels = tf.io.decode_png(path.read_bytes()).numpy()
            assert pixels.shape[:2] == (int(height), int(width))
            np.testing.assert_array_equal(tf.io.decode_png(png), pixels)
    buckets = tf.make_ndarray(found["code_use", 1].tensor)
    assert buckets[:, 2].sum() == 8  # codes
    used = buckets[buckets[:, 1] > 1e-6, 2].sum()
    assert used >= 8 * run.history["val_codebook_usage"][1]

    hyperparameters = HParamsPluginData.FromString(
        found["_hparams_/session_start_info", 0].metadata.plugin_data.content
    ).session_start_info.hparams
    assert hyperparameters["num_embeddings"].number_value == 8
    assert hyperparameters["learning_rate"].number_value == 3e-3
    assert hyperparameters["schedule"].string_value == "cosine"
    assert hyperparameters["input_shape"].string_value == "[32, 32, 3]"
    metrics = (run.path / "logs" / "validation").glob("events*")
    (losses,) = (
        [
            tf.make_ndarray(value.tensor).item()
            for event in tf.compat.v1.train.summary_iterator(str(file))
            for value in event.summary.value
            if value.tag == "epoch_loss"
        ]
        for file in metrics
    )
    assert losses == pytest.approx(run.history["val_loss"], rel=1e-4)


def assert_pictures(run, folder, epochs):
    for epoch in range(1, epochs + 1):
        assert_picture(run.path / folder / f"epoch_{epoch:04d}.png")


def assert_picture(path):
    pixels = tf.io.decode_png(path.read_bytes()).numpy()
    assert pixels.shape[0] > 100
    assert pixels.std() > 20


def test_a_run_is_opened_by_its_path():
    trained = trained_run("vqvae")
    opened = recipes.Run(trained.path)
    assert opened.is_complete
    assert opened.recipe == trained.recipe
    images = np.full((2, 32, 32, 3), 0.5)
    np.testing.assert_array_equal(
        opened.model.encode(images), trained.model.encode(images)
    )
    with pytest.raises(FileNotFoundError, match="not the folder of a run"):
        recipes.Run(trained.path / "logs")


def test_the_run_of_a_prior_has_its_generator():
    run = trained_run("pixelcnn")
    assert isinstance(run.model, LatentGenerator)
    assert_pictures(run, "samples", epochs=2)
    tokenizer = trained_run("vqvae").model
    ((codes, labels),) = data.load_codes(
        tokenizer, "scenes", "test[:32]", 32, labels=True
    ).as_numpy_iterator()
    nats = -run.model.prior.log_prob(codes, labels).mean() / codes[0].size
    assert run.results["loss"] == pytest.approx(nats, rel=1e-4)
    assert recipes.evaluate(recipes.Run(run.path)) == pytest.approx(
        run.results, rel=1e-4
    )
    with pytest.raises(ValueError, match="Give the run of its tokenizer"):
        run.first_stage  # noqa: B018


def test_a_prior_learns_the_same_from_stored_codes(tmp_path):
    run = trained_run("pixelcnn")
    tokenizer = trained_run("vqvae").model
    splits = ["train[:96]", "test[:32]"]
    codes = tmp_path / "codes"
    data.tokenize(tokenizer, "scenes", codes, ["train", "test"])
    stored = recipes.train(
        write_recipe("pixelcnn", tmp_path), tmp_path / "run", dataset=codes
    )
    assert [stored.recipe.data.train_split, stored.recipe.data.test_split] == (
        splits
    )
    expected = run.model.prior.get_weights()
    for a, b in zip(stored.model.prior.get_weights(), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_tokenizer_is_loaded_once(tmp_path, monkeypatch):
    loaded = []
    load_model = keras.models.load_model

    def counting(path, *args, **kwargs):
        loaded.append(pathlib.Path(path))
        return load_model(path, *args, **kwargs)

    monkeypatch.setattr(keras.models, "load_model", counting)
    recipe = write_recipe("pixelcnn", tmp_path)
    recipes.train(recipe, tmp_path / "run", epochs=1)
    assert loaded == [trained_run("vqvae").model_path]


def test_a_missing_tokenizer_is_reported(tmp_path):
    recipe = recipes.Recipe.load(write_recipe("pixelcnn", tmp_path))
    missing = str(tmp_path / "missing.keras")
    with pytest.raises(
        FileNotFoundError, match=r"for `tokenizer` at .*missing"
    ):
        recipes.train(recipe, tmp_path / "run", settings={"tokenizer": missing})
    assert not (tmp_path / "run").exists()


def test_codebooks_start_from_the_data(tmp_path):
    """With a negligible learning rate only k-means brings codes into use."""
    settings = {
        "data.train_split": "train[:64]",
        "learning_rate": 1e-9,
        "ema_decay": 0.9999,
        "decay_warmup": False,
        "num_embeddings": 16,
    }
    usage = [
        recipes.train(
            write_recipe("vqvae", tmp_path),
            tmp_path / str(adapt),
            settings={**settings, "adapt": adapt},
            quick=True,
        ).results["codebook_usage"]
        for adapt in (False, True)
    ]
    assert usage[0] < usage[1] == 1
    with pytest.raises(ValueError, match="adapt=true for vae, which has none"):
        recipes.train("vae_mnist", tmp_path / "vae", settings={"adapt": True})


def test_small_data_are_passed_over_until_there_are_enough_steps(tmp_path):
    recipe = recipes.Recipe.load(write_recipe("vqvae", tmp_path))
    recipe = recipe.changed({"training.min_steps": 15})
    model = recipe.build()
    batches, _, steps = load_training_data(recipe, model)
    assert (steps, len(batches)) == (12, 24)  # two passes of 6 steps an epoch
    rest, _, _ = load_training_data(recipe, model, first_epoch=1)
    expected = list(batches.skip(12).as_numpy_iterator())
    for found, batch in zip(rest.as_numpy_iterator(), expected, strict=True):
        np.testing.assert_array_equal(found, batch)
    for options in (
        {"epochs": 2},
        {"quick": True},
        {"settings": {"epochs": 2}},
    ):
        assert resolved(recipe, **options).training.min_steps == 0


def test_data_are_read_once(tmp_path, monkeypatch):
    splits, load = [], data.load

    def counted(*args, split, **kwargs):
        splits.append(split)
        return load(*args, split=split, **kwargs)

    monkeypatch.setattr(data, "load", counted)
    recipe = recipes.Recipe.load(write_recipe("vqvae", tmp_path))
    load_training_data(recipe, recipe.build())
    assert sorted(splits) == ["test[:32]", "train[:96]"]


def test_other_data_start_safely(tmp_path):
    """Whatever the recipe found best for its own data."""
    settings = {"adapt": False, "decay_warmup": False}
    recipe = recipes.Recipe.load(write_recipe("vqvae", tmp_path))
    recipe = resolved(recipe, settings=settings)
    other = resolved(recipe, dataset="mnist")
    assert other.training.adapt is None
    assert other.arguments["decay_warmup"] is True
    model = other.build()
    assert model.quantizer.decay_warmup
    assert starts_from_data(other, model, steps=3)
    assert not starts_from_data(recipe, model, steps=3)
    kept = resolved(recipe, dataset="mnist", settings=settings)
    assert kept.training.adapt is False


def test_crops_and_flips_are_for_training_images(tmp_path):
    recipe = recipes.Recipe.load(write_recipe("vqvae", tmp_path))
    changed = recipe.changed({"crop": 0.5, "flip": True})
    model = recipe.build()
    first = [load_training_data(r, model)[:2] for r in (recipe, changed)]
    (train, test), (cropped, same) = (
        [next(iter(d)).numpy() for d in pair] for pair in first
    )
    assert np.abs(train - cropped).max() > 0.1
    np.testing.assert_array_equal(test, same)
    prior = recipes.Recipe.load(write_recipe("pixelcnn", tmp_path))
    with pytest.raises(ValueError, match=r"crop.* prior trains on codes"):
        recipes.train(prior, tmp_path / "x", settings={"flip": True})
    assert not (tmp_path / "x").exists()


def test_a_run_that_diverges_ends_without_a_model(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 1.* loss"):
        recipes.train(
            write_recipe("vqvae", tmp_path),
            out,
            settings={"learning_rate": 1e30},
        )
    assert not (out / "model.keras").exists()
    assert not list(out.rglob("*.keras"))
    assert not (out / "results.json").exists()


def test_a_run_whose_weights_are_not_finite_ends_too(tmp_path, monkeypatch):
    """Codes that are never chosen do not show in the loss."""

    def spoil(self, epoch, logs=None):
        codes = self.model.quantizer.embeddings
        values = to_numpy(codes).copy()
        values[-1] = np.nan
        codes.assign(values)

    monkeypatch.setattr(callbacks.CodebookMonitor, "on_epoch_begin", spoil)
    monkeypatch.setattr(
        callbacks.CodebookMonitor, "on_epoch_end", lambda *args, **kwargs: None
    )
    out = tmp_path / "run"
    settings = {"ema_decay": "none", "adapt": False}
    with pytest.raises(
        FloatingPointError, match=r"NaN or infinity in \S*embeddings"
    ):
        recipes.train(write_recipe("vqvae", tmp_path), out, settings=settings)
    assert not list(out.rglob("*.keras"))


def test_a_prior_starts_from_a_run(tmp_path):
    run = trained_run("pixelcnn")
    settings = {"training.preset": str(run.path), "learning_rate": 1e-9}
    recipe = write_recipe("pixelcnn", tmp_path)
    tuned = recipes.train(
        recipe, tmp_path / "tuned", settings=settings, epochs=1
    )
    for a, b in zip(
        run.model.prior.get_weights(),
        tuned.model.prior.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Epoch 1. codebook_usage:UserWarning")
def test_a_published_model_is_a_run_and_a_start(tmp_path, photos):
    run = recipes.Run("vqvae_mnist")
    assert run.is_complete
    assert run.results["reconstruction_loss"] < 0.1
    tuned = recipes.train(
        "vqvae_mnist",
        tmp_path / "tuned",
        dataset=photos,
        settings={"training.preset": "vqvae_mnist", "learning_rate": 1e-9},
        epochs=1,
    )
    for a, b in zip(weights_of(run), weights_of(tuned), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    with pytest.raises(ValueError, match=r"must be a VAE.* a VQVAE"):
        recipes.train(
            "vae_mnist",
            tmp_path / "x",
            dataset=photos,
            settings={"training.preset": "vqvae_mnist"},
        )
    settings = {"training.preset": "vqvae_mnist", "commitment_cost": 1.0}
    with pytest.raises(ValueError, match=r"keeps its arg.*and commitment_cost"):
        recipes.train("vqvae_mnist", tmp_path / "x", settings=settings)
    recipe = recipes.Recipe.load("vqvae_mnist").changed({"hidden_dim": 32})
    settings.pop("commitment_cost")
    with pytest.raises(ValueError, match="other layers than the recipe's"):
        recipes.train(recipe, tmp_path / "x", settings=settings)
    settings = {"condition": "segmentation"}
    with pytest.raises(ValueError, match=r"data\.condition is the condition"):
        recipes.train("vqvae_scenes", tmp_path / "x", settings=settings)


def weights_of(run):
    return [to_numpy(w) for w in run.model.encoder.weights]


@pytest.fixture
def photos(tmp_path, rng):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(20):
        pixels = rng.integers(0, 256, (40, 50, 3), dtype="uint8")
        (folder / f"{i}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    return folder


def test_other_data_are_found_from_anywhere(tmp_path, photos, monkeypatch):
    folder = photos
    monkeypatch.chdir(tmp_path)
    run = recipes.train(
        write_recipe("vqvae", tmp_path),
        dataset="photos",
        settings={"train_split": "train", "test_split": "test"},
        quick=True,
    )
    assert run.path == pathlib.Path("runs/vqvae")
    assert run.recipe.data.name == str(folder)
    assert run.recipe.training.epochs == 1


def test_first_stages_write_their_pictures(tmp_path):
    run = recipes.train(write_recipe("vqvae2", tmp_path), tmp_path / "vqvae2")
    for folder in ("reconstructions", "codebook", "levels"):
        assert_pictures(run, folder, epochs=1)
    run = trained_run("cvae")
    for folder in ("reconstructions", "interpolations", "samples"):
        assert_pictures(run, folder, epochs=2)
    assert not (run.path / "codebook").exists()


def weights(run):
    model = keras.models.load_model(run.model_path)
    variables = (*model.weights, *model.optimizer.variables)
    return [to_numpy(v) for v in variables]


@pytest.mark.parametrize("checkpoints", [0, 2])
def test_an_interrupted_run_ends_where_an_uninterrupted_one_ends(
    tmp_path, checkpoints
):
    whole = trained_run("vqvae")
    path = tmp_path / "broken"
    shutil.copytree(whole.path, path)
    # What a process that was killed at that moment has left.
    for name in ("model.keras", "results.json", "curves.png"):
        (path / name).unlink()
    for epoch in range(checkpoints + 1, 3):
        (path / "checkpoints" / f"epoch_{epoch:04d}.keras").unlink()
    left_by_a_killed_writer(path / "checkpoints" / "epoch_0002.keras")

    broken = recipes.resume(path)
    for a, b in zip(weights(whole), weights(broken), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert broken.results == pytest.approx(whole.results, rel=1e-3)
    for name, values in whole.history.items():
        assert broken.history[name] == pytest.approx(values, rel=1e-3), name
    assert not list(path.rglob(".tmp-*"))


def test_resuming_with_other_data_or_settings_warns(tmp_path, photos):
    run = recipes.train(
        write_recipe("vqvae", tmp_path),
        tmp_path / "run",
        dataset=str(photos),
        settings={"train_split": "train", "test_split": "test"},
        epochs=1,
    )
    run.model_path.unlink()
    moved = run.path.rename(tmp_path / "moved")
    recipes.resume(moved)  # without a warning, which would be an error

    (moved / "model.keras").unlink()
    text = (moved / "recipe.toml").read_text()
    assert "learning_rate = 0.003" in text
    changed = text.replace("learning_rate = 0.003", "learning_rate = 0.002")
    (moved / "recipe.toml").write_text(changed)
    red = tf.io.encode_png(np.full((40, 50, 3), [255, 0, 0], "uint8")).numpy()
    for path in photos.glob("*.png"):
        path.write_bytes(red)
    with pytest.warns(UserWarning, match=r"recipe\.toml and the first test im"):
        recipes.resume(moved)


def test_a_run_refused_for_its_data_leaves_no_folder(tmp_path):
    recipe = write_recipe("vqvae", tmp_path)
    settings = {"input_shape": [32, 32, 3], "num_embeddings": 5000}
    settings |= {"adapt": True, "train_split": "train[:1]"}
    with pytest.raises(ValueError, match="5000"):
        recipes.train(recipe, tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_a_complete_run_is_not_touched():
    run = trained_run("vqvae")
    before = run.model_path.stat().st_mtime_ns
    recipes.resume(run.path)
    assert run.model_path.stat().st_mtime_ns == before


@pytest.mark.parametrize("is_file", [True, False])
def test_existing_and_unwritable_folders_are_rejected(tmp_path, is_file):
    recipe = write_recipe("vqvae", tmp_path)
    out = recipe if is_file else tmp_path
    with pytest.raises(FileExistsError, match="exists"):
        recipes.train(recipe, out)
    with pytest.raises(PermissionError, match="not a writable folder"):
        recipes.train(recipe, recipe / "run")
    with pytest.raises(ValueError, match="must be UTF-8"):
        recipes.train(recipe, tmp_path / "run\udcff")
