"""The commands, run in this process."""

import filecmp
import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_vq
from keras_vq import recipes
from tests.runs import trained_run
from tests.runs import write_recipe


@pytest.fixture
def photo(tmp_path, rng):
    path = tmp_path / "photo.png"
    pixels = rng.integers(0, 256, (60, 90, 3), "uint8")
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    return path


def test_help_names_every_command(cli):
    output = cli("--help")
    for command in (
        "train", "tune", "tokenize", "evaluate", "reconstruct", "generate",
        "interpolate", "traverse", "export", "info",
    ):  # fmt: skip
        assert command in output


def test_version(cli):
    assert cli("--version") == f"keras-vq {keras_vq.__version__}\n"


def test_published_models_work_like_runs(cli, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = cli("reconstruct", "vqvae_scenes", photo)
    assert "Wrote vqvae_scenes_reconstruction.png: 1 image" in output
    assert "Replaced" in cli("reconstruct", "vqvae_scenes", photo)
    assert "Wrote served" in cli("export", "vqvae_scenes", "served")
    output = cli("generate", "pixelcnn_mnist", "--num", 10)
    assert "Wrote pixelcnn_mnist_samples.png: 10 samples" in output


def test_sampling_options(cli, refused, tmp_path):
    run, out = trained_run("pixelcnn").path, tmp_path / "grid.png"
    options = ["--num", 4, "--out", out]
    for drawing in (
        ["--temperature", 0],
        ["--top-k", 1],
        ["--top-p", 0.5],
    ):
        assert "4 samples" in cli("generate", run, *options, *drawing)
    message = refused("generate", trained_run("cvae").path, "--top-k", 1)
    assert "A CVAE draws from a normal distribution" in message
    assert "`top_p` must be" in refused("generate", run, "--top-p", 0)
    message = refused("generate", run, "--guidance", 1.5)
    assert "trained without `label_dropout`" in message
    message = refused("generate", run, "--condition", "photo.png")
    assert "without a condition" in message


def test_a_run_that_diverges_ends_with_exit_code_1(keras_vq, tmp_path):
    recipe, out = write_recipe("vqvae", tmp_path), tmp_path / "run"
    code, _, errors = keras_vq(
        "train", recipe, "--set", "learning_rate=1e30", "--out", out
    )
    assert code == 1
    assert "Error: Training diverged in epoch 1" in errors


def test_train_changes_the_recipe(cli, tmp_path):
    recipe, out = write_recipe("vqvae", tmp_path), tmp_path / "run"
    output = cli(
        "train", recipe, "--epochs", 1, "--set", "num_embeddings=4", "--set",
        "train_split=train[:32]", "--out", out,
    )  # fmt: skip
    assert f"Pictures: {out / 'curves.png'}" in output
    assert f"Model:    {out / 'model.keras'}" in output
    run = recipes.Run(out)
    assert run.recipe.training.epochs == 1
    assert run.model.num_embeddings == 4
    assert f"{run.results['loss']:.4g}" in output
    assert "nothing to resume" in cli("train", "--resume", out)
    (out / "model.keras").unlink()
    assert f"Resuming {out} after epoch 1" in cli("train", "--resume", out)


def test_reconstruct(cli, refused, photo, tmp_path):
    run, out = trained_run("vqvae").path, tmp_path / "grid.png"
    output = cli("reconstruct", run, "--out", out)
    assert re.search(r"Wrote .*: 16 images, mean PSNR 1\d\.\d\d dB", output)
    assert tf.io.decode_png(out.read_bytes()).shape[0] > 100
    output = cli("reconstruct", run, photo, photo, "--out", out)
    assert f"Replaced {out}: 2 images" in output
    assert "There is no image" in refused("reconstruct", run, "no.png")
    assert "not the folder of a run" in refused("reconstruct", tmp_path)
    assert "a single level of codes" in refused("reconstruct", run, "--levels")
    message = refused("reconstruct", run, photo, "--label", 1)
    assert "VQVAE takes no --label" in message
    assert "without files" in refused("reconstruct", run, "--label", 1)

    run = trained_run("cvae").path
    message = refused("reconstruct", run, photo)
    assert "CVAE needs a --label" in message
    output = cli("reconstruct", run, photo, "--label", 1, "--out", out)
    assert "1 image," in output

    run = trained_run("vqvae2").path
    assert "16 images" in cli("reconstruct", run, "--levels", "--out", out)


def test_generate(cli, refused, tmp_path):
    out = tmp_path / "grid.png"
    for run in (trained_run("cvae").path, trained_run("pixelcnn").path):
        output = cli("generate", run, "--num", 5, "--out", out)
        assert "5 samples of seed 0" in output
        assert tf.io.decode_png(out.read_bytes()).shape[0] > 50
        cli("generate", run, "--num", 2, "--label", 3, "--out", out)
        message = refused("generate", run, "--label", 4)
        assert "labels" in message
        assert "4" in message
    message = refused("generate", trained_run("vqvae").path)
    assert "VQVAE cannot generate: its latents need a prior" in message


def test_interpolate_and_traverse(cli, refused, tmp_path):
    out = tmp_path / "grid.png"
    run = trained_run("cvae").path
    output = cli("interpolate", run, "--steps", 3, "--out", out)
    assert "8 interpolations of 3 steps" in output
    output = cli("traverse", run, "--dims", 2, "--out", out)
    assert "2 dimensions" in output
    for command in ("interpolate", "traverse", "reconstruct"):
        message = refused(command, trained_run("pixelcnn").path)
        assert "is the run of a prior. Give the run of its tokeniz" in message


def test_evaluate(cli, refused, tmp_path):
    network = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]
    )
    features = tmp_path / "features.keras"
    network.save(features)
    output = cli("evaluate", trained_run("vqvae2").path, "--features", features)
    for name in ("psnr", "ssim", "frechet_distance"):
        assert float(re.search(rf"{name}\s+([-\d.e]+)", output)[1]) > 0

    run = trained_run("cvae")
    output = cli("evaluate", run.path, "--importance-samples", 20)
    bound = float(re.search(r"20 samples\s+([\d.]+)", output)[1])
    assert 0 < bound < run.results["negative_elbo"]

    run = trained_run("pixelcnn")
    assert f"{run.results['loss']:.4g}" in cli("evaluate", run.path)
    message = refused("evaluate", run.path, "--features", "f.keras")
    assert "`features` compares images" in message
    run = trained_run("vqvae").path
    message = refused("evaluate", run, "--importance-samples", 3)
    assert "Received: VQVAE" in message
    assert "no feature network at" in refused("evaluate", run, "--features=x")


def test_tokenize(cli, refused, tmp_path):
    run, out = trained_run("vqvae").path, tmp_path / "codes"
    output = cli("tokenize", run, out, "--split", "test")
    assert "codes 8 x 8 of 8 of the splits test" in output
    assert json.loads((out / "tokenizer.json").read_text())["data"] == "scenes"
    assert "it exists" in refused("tokenize", run, out)
    same, option = tmp_path / "same", "direct_num_workers=1"
    options = ("--runner", "direct", "--runner-option", option)
    cli("tokenize", run, same, "--split", "test", *options)
    files = [path.name for path in out.iterdir()]
    assert filecmp.cmpfiles(out, same, files, shallow=False)[0] == files
    message = refused("tokenize", run, tmp_path / "a", "--runner", "ray")
    assert "must be one of 'direct'" in message
    other = tmp_path / "other"
    message = refused("tokenize", trained_run("pixelcnn").path, other)
    assert "is the run of a prior" in message
    message = refused("tokenize", trained_run("cvae").path, other)
    assert "CVAE, which has no codes" in message


def test_info(cli, refused):
    output = cli("info", trained_run("vqvae").path)
    for part in ("complete", "8 x 8 of 8", "192 bits per input", "test loss"):
        assert part in output
    assert "4 numbers" in cli("info", trained_run("cvae").path)
    assert "8 x 8 of 8" in cli("info", trained_run("pixelcnn").path)
    # 16 * 4 bits at the top, 64 * 4 at the bottom.
    assert "320 bits per input" in cli("info", trained_run("vqvae2").path)
    output = cli("info", "vqvae_mnist")
    for part in ("VQVAE", "7 x 7 of 256", "data.name", "mnist"):
        assert part in output
    assert "Unknown recipe" in refused("info", "nothing")


def test_runs_that_were_moved(cli, refused, tmp_path):
    """A complete run needs no other; an unfinished one says what to do."""
    trained, run = trained_run("pixelcnn"), tmp_path / "moved"
    shutil.copytree(trained.path, run)
    recipe = run / "recipe.toml"
    old = trained.recipe.arguments["tokenizer"]
    gone, new = tmp_path / "gone.keras", tmp_path / "tokenizer.keras"
    recipe.write_text(recipe.read_text().replace(old, str(gone)))
    assert f"{trained.results['loss']:.4g}" in cli("evaluate", run)
    assert "8 x 8 of 8" in cli("info", run)
    (run / "model.keras").unlink()
    for command in (["info"], ["evaluate"], ["train", "--resume"]):
        message = refused(*command, run)
        assert f"no model for `tokenizer` at {gone}" in message
        assert "write its new path to `tokenizer` in the run's" in message
    shutil.copy(old, new)
    recipe.write_text(recipe.read_text().replace(str(gone), str(new)))
    assert "2 epochs completed" in cli("info", run)
    assert "bits_per_dim" in cli("train", "--resume", run)
    text = recipe.read_text().replace('"scenes"', f'"{tmp_path}/photos"')
    recipe.write_text(text)
    message = refused("evaluate", run)
    assert f"There is no data folder {tmp_path}/photos. If it was" in message


def test_export(cli, refused, tmp_path):
    run, out = trained_run("vqvae").path, tmp_path / "served"
    output = cli("export", run, out, "--version", 0, "--png")
    assert f"Wrote {out / '0'}" in output
    served = tf.saved_model.load(str(out / "0"))
    assert "decode_png" in served.signatures
    x = np.full((2, 32, 32, 3), 0.5, "float32")
    codes = served.signatures["encode"](inputs=tf.constant(x))["indices"]
    np.testing.assert_array_equal(codes, trained_run("vqvae").model.encode(x))

    assert "it exists" in refused("export", run, tmp_path)
    assert "does not exist" in refused("export", run, tmp_path / "a" / "b")
    assert "0: it exists" in refused("export", run, out, "--version", 0)
    for options, message in (
        (("--format", "h5"), "'h5'"),
        (("--format", "onnx", "--png"), "no options. Received: png"),
        (("--top-k", 5), "`generate` of a LatentGenerator"),
    ):
        assert message in refused("export", run, out / "2", *options)
    assert [path.name for path in out.iterdir()] == ["0"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("vqvae_mnits",), "Did you mean 'vqvae_mnist'"),
        (("no.toml",), "There is no recipe at no.toml"),
        ((), "Give a RECIPE"),
        (("RECIPE", "--set", "epohcs=3"), "Did you mean 'epochs'"),
        (("RECIPE", "--set", "training.epohcs=3"), "'training.epochs'"),
        (("RECIPE", "--set", "num_embedings=3"), "'num_embeddings'"),
        (("RECIPE", "--set", "epochs"), "KEY=VALUE"),
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
        (("RECIPE", "--resume", "RUN"), "takes no other arguments"),
        (("RECIPE", "--epochs", "1", "--set", "epochs=2"), "given twice"),
        (("RECIPE", "--set", "seed=1", "--set", "seed=2"), "given twice"),
        (("--resume", "EMPTY"), "not the folder of a run"),
    ],
)
def test_bad_input_prints_one_line_and_writes_nothing(
    refused, tmp_path, monkeypatch, args, message
):
    (tmp_path / "empty").mkdir()
    for split in ("train", "test"):
        (tmp_path / "corrupt" / split).mkdir(parents=True)
        (tmp_path / "corrupt" / split / "bad.png").write_bytes(b"no image")
    names = {
        "RECIPE": write_recipe("vqvae", tmp_path),
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


def test_truncated_files_are_reported(refused, tmp_path):
    recipe = write_recipe("vqvae", tmp_path)
    recipe.write_text(recipe.read_text()[:100])
    assert "vqvae.toml" in refused("train", recipe)
    trained = trained_run("vqvae").path
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.toml").write_bytes((trained / "recipe.toml").read_bytes())
    assert "has no model yet" in refused("reconstruct", run)
    model = (trained / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(model[:2000])
    for args in (("reconstruct", run), ("export", run, tmp_path / "served")):
        assert "is damaged or not a .keras file" in refused(*args)
    assert not (tmp_path / "served").exists()
