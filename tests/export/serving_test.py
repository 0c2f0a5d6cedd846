"""An exported generator as a server has it: no keras, bytes, bad requests."""

import contextlib
import importlib.util
import json
import pathlib
import shutil
import socket
import subprocess
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_vq import LatentGenerator
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.conftest import ROOT
from tests.export.stand_in_server import stand_in_server
from tests.helpers import run_python
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae

SIGNATURES = ["encode", "decode", "generate", "encode_png", "decode_png"]
SIGNATURES += ["serving_default"]


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    tokenizer = tiny_vqvae()
    prior = zoo.pixelcnn(
        tokenizer,
        num_classes=3,
        hidden_dim=8,
        num_layers=1,
        first_kernel_size=3,
    )
    rng = np.random.default_rng(1)
    for w in prior.weights:
        if "seed" not in w.path:
            w.assign(w + 0.2 * rng.normal(size=w.shape))
    return LatentGenerator(tokenizer, prior)


@pytest.fixture(scope="module")
def folder(generator, tmp_path_factory):
    """DIR of a served model, with version 1 in it."""
    path = tmp_path_factory.mktemp("export") / "served"
    saved_model(generator, path, version=1, png=True, warmup_batch_sizes=(1, 4))
    return path


def to_bytes(images):
    pixels = np.round(255 * images).astype("uint8")
    files = [tf.io.encode_png(image).numpy() for image in pixels]
    return np.array(files, object)


def asked(generator, batch_size):
    """Inputs for each signature, and the outputs that keras_vq gives."""
    rng = np.random.default_rng(batch_size)
    pixels = np.round(255 * tiny_images(rng, batch_size)).astype("uint8")
    images = (pixels / np.float32(255)).astype("float32")
    codes = generator.tokenizer.encode(images)
    decoded = generator.tokenizer.decode(codes)
    drawing = {
        "seed": np.array(5, "int32"),
        "temperature": np.array(0.7, "float32"),
        "labels": rng.integers(3, size=batch_size).astype("int32"),
    }
    drawn = generator.generate(
        batch_size, drawing["labels"], temperature=0.7, seed=5
    )
    return {
        "serving_default": ({"inputs": images}, {"reconstructions": decoded}),
        "encode": ({"inputs": images}, {"indices": codes}),
        "decode": ({"indices": codes}, {"outputs": decoded}),
        "generate": (drawing, {"images": drawn}),
        "encode_png": ({"image_bytes": to_bytes(images)}, {"indices": codes}),
        "decode_png": ({"indices": codes}, {"image_bytes": decoded}),
    }


def check(found, expected):
    """Outputs by name; bytes are compared as the pictures that they are."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        if name == "image_bytes":
            pictures = [tf.io.decode_png(x).numpy() for x in found[name]]
            np.testing.assert_allclose(pictures, 255 * value, atol=0.51)
        elif value.dtype == "int32":
            np.testing.assert_array_equal(found[name], value)
        else:
            np.testing.assert_allclose(found[name], value, atol=1e-5)


def run_requests(requests, tmp_path):
    """The errors, or None, of requests of `run_saved_model_cli.py`."""
    for i, request in enumerate(requests):
        for name, x in request["inputs"].items():
            path = tmp_path / f"{i}_{name}.npy"
            np.save(path, x, allow_pickle=True)
            request["inputs"][name] = str(path)
    (tmp_path / "requests.json").write_text(json.dumps(requests))
    script = pathlib.Path(__file__).with_name("run_saved_model_cli.py")
    answers = tmp_path / "answers.json"
    run_python(script, tmp_path / "requests.json", answers)
    return json.loads(answers.read_text())


def test_saved_model_cli_runs_every_signature(generator, folder, tmp_path):
    requests, outputs = [], []
    for batch_size in (1, 3, 64):
        questions = asked(generator, batch_size)
        assert sorted(questions) == sorted(SIGNATURES)
        for signature, (inputs, expected) in questions.items():
            outdir = tmp_path / f"{signature}_{batch_size}"
            requests.append(
                {
                    "dir": str(folder / "1"),
                    "signature": signature,
                    "inputs": dict(inputs),
                    "outdir": str(outdir),
                }
            )
            outputs.append((outdir, expected))
    assert run_requests(requests, tmp_path) == [None] * len(requests)
    for outdir, expected in outputs:
        found = {
            path.stem: np.load(path, allow_pickle=True)
            for path in outdir.iterdir()
        }
        check(found, expected)


@pytest.mark.parametrize("temperature", [0.0, 3.0])
def test_temperature_is_that_of_generate(generator, folder, temperature):
    run = tf.saved_model.load(str(folder / "1")).signatures["generate"]
    labels = np.array([0, 1, 2, 2], "int32")
    found = run(
        seed=tf.constant(3),
        temperature=tf.constant(temperature),
        labels=tf.constant(labels),
    )["images"]
    expected = generator.generate(
        4, labels=labels, temperature=temperature, seed=3
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_requests_that_do_not_fit_are_clear_errors(folder, tmp_path):
    images = np.zeros((2, 8, 8, 3), "float32")
    codes = np.zeros((2, 2, 2), "int32")
    drawing = {
        "seed": np.array(0, "int32"),
        "temperature": np.array(1, "float32"),
        "labels": np.array([0, 1], "int32"),
    }

    def draw(**changed):
        return "generate", {**drawing, **changed}

    labels, heat = np.array([0, 3], "int32"), np.array(-1, "float32")
    wide = np.zeros((2, 16, 8, 3), "float32")
    cases = [
        (("encode", {"inputs": images[0]}), "8,8,3] is not compatible"),
        (("encode", {"inputs": wide}), "expected shape [?,8,8,3]"),
        (("encode", {"inputs": images.astype("int32")}), "to be float but int"),
        (("encode", {"inputs": 255 + images}), "`inputs` must be in [0, 1]"),
        (("encode", {"inputs": images * np.nan}), "`inputs` must be in [0, 1]"),
        (("decode", {"indices": codes + 16}), "must be in [0, 15]"),
        (("decode", {"indices": codes - 1}), "must be in [0, 15]"),
        (("decode", {"indices": codes[:, :1]}), "expected shape [?,2,2]"),
        (("decode", {"indices": images}), "to be int32 but float"),
        (draw(labels=labels), "`labels` must be in [0, 2]"),
        (draw(temperature=heat), "`temperature` must be >= 0"),
        (draw(seed=np.array([0], "int32")), "expected shape []"),
        (
            ("encode_png", {"image_bytes": np.array([b"no image"], object)}),
            "Unknown image file format",
        ),
    ]
    requests = [
        {"dir": str(folder / "1"), "signature": name, "inputs": dict(inputs)}
        for (name, inputs), _ in cases
    ]
    errors = run_requests(requests, tmp_path)
    for error, (_, message) in zip(errors, cases, strict=True):
        assert error is not None, message
        assert error.startswith("InvalidArgumentError"), error
        assert message in error


def test_signatures_are_documented(folder):
    document = folder / "1" / "assets.extra" / "signatures.json"
    described = json.loads(document.read_text())
    assert list(described) == SIGNATURES
    assert described["encode"]["inputs"]["inputs"] == {
        "dtype": "float32",
        "shape": ["batch", 8, 8, 3],
        "meaning": "What to encode.",
        "minimum": 0.0,
        "maximum": 1.0,
    }
    labels = described["generate"]["inputs"]["labels"]
    assert (labels["minimum"], labels["maximum"]) == (0, 2)
    signatures = tf.saved_model.load(str(folder / "1")).signatures
    for name, known in described.items():
        _, specs = signatures[name].structured_input_signature
        assert set(known["inputs"]) == set(specs)
        assert set(known["outputs"]) == set(signatures[name].structured_outputs)


def test_warmup_requests_run(folder):
    file = folder / "1" / "assets.extra" / "tf_serving_warmup_requests"
    signatures = tf.saved_model.load(str(folder / "1")).signatures
    seen = []
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        name = request.model_spec.signature_name
        inputs = {k: tf.make_ndarray(x) for k, x in request.inputs.items()}
        outputs = signatures[name](
            **{k: tf.constant(x) for k, x in inputs.items()}
        )
        (output,) = outputs.values()
        seen.append((name, output.shape[0]))
    names = ["serve", *SIGNATURES[:-1]]
    assert seen == [(name, n) for name in names for n in (1, 4)]


def test_pictures_of_any_size_are_cropped_and_resized(generator, folder, rng):
    run = tf.saved_model.load(str(folder / "1")).signatures["encode_png"]
    pixels = np.repeat(tiny_images(rng, 1)[0], 3, axis=0)
    large = np.zeros((24, 40, 3), "float32")
    large[:, 8:32] = np.repeat(pixels, 3, axis=1)
    codes = run(image_bytes=tf.constant(to_bytes(large[None])))["indices"]
    small = tf.image.resize(large[:, 8:32], (8, 8), antialias=True).numpy()
    expected = generator.tokenizer.encode(np.round(255 * small[None]) / 255)
    np.testing.assert_array_equal(codes, expected)


def test_xla_draws_the_same(generator, tmp_path):
    saved_model(generator, tmp_path / "served", top_k=5, jit_compile=True)
    run = tf.saved_model.load(str(tmp_path / "served")).signatures["generate"]
    labels = np.array([0, 2], "int32")
    found = run(
        seed=tf.constant(1),
        temperature=tf.constant(2.0),
        labels=tf.constant(labels),
    )["images"]
    expected = generator.generate(
        2, labels=labels, temperature=2.0, top_k=5, seed=1
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_versions_lie_side_by_side(generator, folder, tmp_path):
    path = tmp_path / "served"
    (path / "1").mkdir(parents=True)
    saved_model(generator.tokenizer, path, version=2)
    assert sorted(x.name for x in path.iterdir()) == ["1", "2"]
    with pytest.raises(FileExistsError, match=r"2: it exists\. Give a higher"):
        saved_model(generator.tokenizer, path, version=2)
    assert sorted(x.name for x in path.iterdir()) == ["1", "2"]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="file: it exists"):
        saved_model(generator.tokenizer, tmp_path / "file", version=1)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["file", "served"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"version": -1}, r"`version` must be an integer >= 0.*-1"),
        ({"version": "new"}, r"`version` must be an integer >= 0.*'new'"),
        ({"top_p": 2.0}, r"`top_p` must be in \(0, 1\]"),
        ({"warmup_batch_sizes": (0,)}, "warmup_batch_sizes=0"),
    ],
)
def test_bad_arguments_leave_nothing(generator, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        saved_model(generator, tmp_path / "served", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_what_a_model_has_not_is_refused(generator, tmp_path):
    sounds = models.Pixels((16, 1))
    with pytest.raises(ValueError, match=r"png=True.*input_shape=\(16, 1\)"):
        saved_model(sounds, tmp_path / "served", png=True)
    with pytest.raises(ValueError, match="of a generator's `generate`"):
        saved_model(generator.tokenizer, tmp_path / "served", top_k=3)
    assert list(tmp_path.iterdir()) == []


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def model_server(folder):
    """The official server on loopback: addresses of REST and gRPC."""
    rest, grpc = free_port(), free_port()
    with subprocess.Popen(
        [
            "tensorflow_model_server",
            f"--port={grpc}",
            f"--rest_api_port={rest}",
            "--model_name=tiny",
            f"--model_base_path={folder}",
        ]
    ) as server:
        try:
            deadline = time.monotonic() + 120
            while True:
                assert server.poll() is None, "the server has ended"
                assert time.monotonic() < deadline, "the server does not start"
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("localhost", rest)).close()
                    break
                time.sleep(0.2)
            yield f"localhost:{rest}", f"localhost:{grpc}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def client():
    """`scripts/serving_client.py`, imported."""
    path = ROOT / "scripts" / "serving_client.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["stand_in", "tensorflow_model_server"])
def test_rest_and_grpc(generator, folder, client, kind):
    if kind == "stand_in":
        serve = stand_in_server(folder / "1")
    elif shutil.which("tensorflow_model_server"):
        serve = model_server(folder)
    else:
        pytest.skip("no tensorflow_model_server on the PATH")
    with serve as (rest, grpc):
        signatures = client.signatures_of(grpc, "tiny")
        assert set(SIGNATURES) < set(signatures)
        for batch_size in (1, 3, 64):
            questions = asked(generator, batch_size)
            for name, (inputs, expected) in questions.items():
                by_grpc = client.predict_grpc(grpc, "tiny", name, inputs)
                check(by_grpc, expected)
                (found,) = client.predict_rest(
                    rest, "tiny", name, inputs
                ).values()
                check(dict.fromkeys(expected, found), expected)
        bad = {"inputs": np.zeros((2, 16, 8, 3), "float32")}
        with pytest.raises(ValueError, match="400: "):
            client.predict_rest(rest, "tiny", "encode", bad)
