"""A served generator: bytes, bad requests, warm-up, REST and gRPC."""

import contextlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.client import pywrap_tf_session
from tensorflow_serving.apis import prediction_log_pb2

from keras_vq.export import saved_model
from tests.conftest import ROOT
from tests.export.requests import check_outputs
from tests.export.requests import eagerly
from tests.export.requests import first_rows
from tests.export.requests import to_bytes
from tests.export.stand_in_server import stand_in_server
from tests.helpers import tiny_images

SIGNATURES = ["encode", "decode", "generate", "encode_png", "decode_png"]
SIGNATURES += ["serving_default"]


class GraphSession:
    """Runs requests as a server does: Python casts and checks nothing."""

    def __init__(self, path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            model = tf.compat.v1.saved_model.load(
                self.session, ["serve"], str(path)
            )
        self.definitions = model.signature_def

    def place(self, info):
        tensor = self.session.graph.get_tensor_by_name(info.name)
        return tensor._as_tf_output()

    def run(self, signature, inputs):
        definition = self.definitions[signature]
        feeds = {
            self.place(definition.inputs[name]): x for name, x in inputs.items()
        }
        fetches = [self.place(info) for info in definition.outputs.values()]
        pywrap_tf_session.TF_SessionRun_wrapper(
            self.session._session, None, feeds, fetches, [], None
        )


def test_requests_that_do_not_fit_are_clear_errors(folder):
    images = np.zeros((2, 8, 8, 3), "float32")
    codes = np.zeros((2, 2, 2), "int32")
    drawing = {
        "seed": np.array(0, "int32"),
        "temperature": np.array(1, "float32"),
        "labels": np.array([0, 1], "int32"),
    }

    def draw(**changed):
        return "generate", {**drawing, **changed}

    labels, negative = np.array([0, 3], "int32"), np.array(-1, "float32")
    wide = np.zeros((2, 16, 8, 3), "float32")
    no_image = np.array([b"no image"], object)
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
        (draw(temperature=negative), "`temperature` must be >= 0"),
        (draw(seed=np.array([0], "int32")), "expected shape []"),
        (("encode_png", {"image_bytes": no_image}), "Unknown image file"),
    ]
    session = GraphSession(folder / "1")
    for request, message in cases:
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            session.run(*request)
        assert message in str(error.value)


def test_signatures_are_documented(folder, signatures):
    document = folder / "1" / "assets.extra" / "signatures.json"
    described = json.loads(document.read_text())
    assert list(described) == SIGNATURES
    assert described["encode"]["inputs"]["inputs"] == {
        "dtype": "float32",
        "shape": ["batch", 8, 8, 3],
        "meaning": "Values to encode.",
        "minimum": 0.0,
        "maximum": 1.0,
    }
    labels = described["generate"]["inputs"]["labels"]
    assert (labels["minimum"], labels["maximum"]) == (0, 2)
    for name, known in described.items():
        _, specs = signatures[name].structured_input_signature
        assert set(known["inputs"]) == set(specs)
        assert set(known["outputs"]) == set(signatures[name].structured_outputs)


def test_warmup_requests_need_an_extra(generator, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    with pytest.raises(ImportError, match=r"keras_vq\[serving\]"):
        saved_model(generator, tmp_path / "served", warmup_batch_sizes=(1,))
    assert list(tmp_path.iterdir()) == []


def test_warmup_requests_run(folder, signatures):
    file = folder / "1" / "assets.extra" / "tf_serving_warmup_requests"
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


def test_pictures_of_any_size_are_cropped_and_resized(
    generator, signatures, rng
):
    pixels = np.repeat(tiny_images(rng, 1)[0], 3, axis=0)
    large = np.zeros((24, 40, 3), "float32")
    large[:, 8:32] = np.repeat(pixels, 3, axis=1)
    files = tf.constant(to_bytes(large[None]))
    codes = signatures["encode_png"](image_bytes=files)["indices"]
    small = tf.image.resize(large[:, 8:32], (8, 8), antialias=True).numpy()
    with eagerly():
        expected = generator.tokenizer.encode(np.round(255 * small[None]) / 255)
    np.testing.assert_array_equal(codes, expected)


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
def test_rest_and_grpc(folder, exchanges, client, kind):
    if kind == "stand_in":
        serve = stand_in_server(folder / "1")
    elif shutil.which("tensorflow_model_server"):
        serve = model_server(folder)
    else:
        pytest.skip("no tensorflow_model_server on the PATH")
    with serve as (rest, grpc):
        signatures = client.signatures_of(grpc, "tiny")
        assert set(SIGNATURES) < set(signatures)
        for name in SIGNATURES:
            for count in (1, 33):
                inputs, outputs = exchanges[name]
                inputs = first_rows(inputs, count)
                expected = first_rows(outputs, count)
                by_grpc = client.predict_grpc(grpc, "tiny", name, inputs)
                check_outputs(by_grpc, expected)
                (found,) = client.predict_rest(
                    rest, "tiny", name, inputs
                ).values()
                check_outputs(dict.fromkeys(expected, found), expected)
        bad = {"inputs": np.zeros((2, 16, 8, 3), "float32")}
        with pytest.raises(ValueError, match="400: "):
            client.predict_rest(rest, "tiny", "encode", bad)
