import contextlib
import hashlib
import http.server
import json
import shutil
import threading

import keras
import numpy as np
import pytest
from huggingface_hub import constants

import keras_vq
from keras_vq import data
from keras_vq import models
from keras_vq import zoo
from keras_vq.published import published
from keras_vq.saving.preset import CONFIG
from keras_vq.saving.preset import METADATA
from keras_vq.saving.preset import WEIGHTS
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae


@pytest.fixture(scope="module")
def model():
    return tiny_vqvae()


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "preset"
    model.save_to_preset(path)
    return path


def test_a_preset_is_the_model(rng, model, preset):
    x = tiny_images(rng, 4)
    assert sorted(path.name for path in preset.iterdir()) == sorted(
        [CONFIG, METADATA, WEIGHTS]
    )
    for loaded in (
        models.VQVAE.from_preset(preset),
        models.Tokenizer.from_preset(str(preset)),
        zoo.load(preset),
    ):
        assert type(loaded) is models.VQVAE
        np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
        assert not loaded.compiled


def test_a_preset_of_a_generator_has_no_optimizer(rng, tmp_path):
    tokenizer = tiny_vqvae()
    prior = zoo.pixelcnn(
        tokenizer, hidden_dim=4, num_layers=1, first_kernel_size=3
    )
    prior.fit(tokenizer.encode(tiny_images(rng, 4)), verbose=0)
    generator = keras_vq.LatentGenerator(tokenizer, prior)
    generator.save_to_preset(tmp_path / "preset")
    loaded = keras_vq.LatentGenerator.from_preset(tmp_path / "preset")
    assert not loaded.prior.compiled
    np.testing.assert_array_equal(
        loaded.generate(2, seed=0), generator.generate(2, seed=0)
    )
    weights = (tmp_path / "preset" / WEIGHTS).stat().st_size
    assert weights < 4 * generator.count_params() + 100_000


def test_weights_may_be_left_out_and_arguments_replaced(model, preset):
    fresh = models.VQVAE.from_preset(
        preset, load_weights=False, likelihood="mae", name="other"
    )
    assert fresh.name == "other"
    assert type(fresh.likelihood) is keras_vq.likelihoods.MeanAbsoluteError
    pairs = zip(fresh.get_weights(), model.get_weights(), strict=True)
    assert any(np.any(a != b) for a, b in pairs)


def test_a_preset_of_another_class_is_rejected(preset):
    with pytest.raises(
        ValueError, match=r"is a VQVAE, not a VAE\..*VQVAE\.from_preset"
    ):
        models.VAE.from_preset(preset)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (WEIGHTS, lambda b: b[: len(b) // 2], "SHA-256 is .* says"),
        (
            WEIGHTS,
            lambda b: b[:-1] + bytes([b[-1] ^ 1]),
            "is damaged: its SHA-256",
        ),
        (
            CONFIG,
            lambda b: b.replace(b"0.25", b"0.26"),
            "is damaged: its SHA-256",
        ),
        (METADATA, lambda b: b[:20], "metadata.json is damaged"),
        (METADATA, lambda b: b"{}", "no SHA-256 digests"),
        (WEIGHTS, None, "model.weights.h5 is missing"),
    ],
)
def test_damaged_presets_are_rejected(preset, tmp_path, name, damage, message):
    damaged = shutil.copytree(preset, tmp_path / "preset")
    path = damaged / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        zoo.load(damaged)


def test_unknown_names_get_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'vqvae_mnist'"):
        zoo.load("vqvea_mnist")
    with pytest.raises(ValueError, match=r"keras-vq train vae_cifar10"):
        zoo.load("vae_cifar10")
    with pytest.raises(ValueError, match="'hf://user/repo'"):
        zoo.load("hf://vqvae_mnist")


def test_a_preset_is_not_overwritten_nor_half_written(model, preset, tmp_path):
    before = (preset / METADATA).read_bytes()
    with pytest.raises(FileExistsError, match="already a preset"):
        model.save_to_preset(preset)
    assert (preset / METADATA).read_bytes() == before
    with pytest.raises(FileNotFoundError, match="does not exist"):
        model.save_to_preset(tmp_path / "no" / "preset")
    assert not (tmp_path / "no").exists()


@contextlib.contextmanager
def hub(folder):
    """Address of a stand-in for Hugging Face that serves one repository."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = folder / self.path.rpartition("/")[2]
            there = self.path.startswith("/me/tiny/resolve/") and path.exists()
            body = path.read_bytes() if there else b""
            self.send_response(200 if there else 404)
            if not there:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_presets_are_downloaded(rng, model, preset, tmp_path, monkeypatch):
    x = tiny_images(rng, 4)
    with hub(preset) as address:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        template = template.replace(constants.ENDPOINT, address)
        # What the environment variables of huggingface_hub set at import.
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        loaded = zoo.load("hf://me/tiny")
        with pytest.raises(ValueError, match=r"Cannot download.*hf://me/other"):
            zoo.load("hf://me/other")
    assert list(tmp_path.rglob(WEIGHTS))
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))


@pytest.mark.parametrize("name", list(published(METADATA)))
def test_the_zoo_has_small_presets(name):
    folder = published(METADATA)[name]
    assert (folder / WEIGHTS).stat().st_size < 4e6
    assert (folder / "results.json").is_file()
    card = (folder / "README.md").read_text()
    assert f'keras_vq.zoo.load("{name}")' in card
    model = zoo.load(name)
    assert name in type(model).presets


def test_the_zoo_is_small():
    folders = published(METADATA).values()
    assert sum((path / WEIGHTS).stat().st_size for path in folders) < 25e6


def test_a_preset_has_the_results_of_its_card(real_data_dir):
    results = published(METADATA)["vqvae_mnist"] / "results.json"
    expected = json.loads(results.read_text())["reconstruction_loss"]
    digits = data.load(
        "mnist", "test[:500]", batch_size=100, data_dir=real_data_dir
    )
    model = zoo.load("vqvae_mnist")
    model.compile(keras.optimizers.Adam())
    found = model.evaluate(digits, return_dict=True, verbose=0)
    assert found["reconstruction_loss"] == pytest.approx(expected, rel=0.1)
