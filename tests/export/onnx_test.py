"""onnxruntime computes from ONNX files what the model computes."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import export_model
from keras_vq.export.field import Field
from keras_vq.export.onnx import converted
from keras_vq.export.signature import Signature
from tests.export.requests import eagerly
from tests.helpers import tiny_images


def run(path, **inputs):
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def test_several_levels_and_many_codes(rng, tmp_path):
    # Enough codes on one level that they are compared in tiles.
    model = zoo.vqvae2(
        (8, 8, 3),
        hidden_dim=4,
        num_residual_layers=0,
        downsampling=2,
        quantizers=[
            layers.VectorQuantizerEMA(9, 4),
            layers.VectorQuantizerEMA(1100, 4),
        ],
    )
    export_model(model, tmp_path / "onnx", format="onnx")
    x = tiny_images(rng, 3)
    with eagerly():
        expected = model.encode(x)
        outputs = model.decode(expected)
    assert expected[1].max() >= 1024
    found = run(tmp_path / "onnx" / "encode.onnx", inputs=x)
    for level, codes in enumerate(expected):
        np.testing.assert_array_equal(found[f"indices_{level}"], codes)
    images = run(tmp_path / "onnx" / "decode.onnx", **found)["outputs"]
    np.testing.assert_allclose(images, outputs, atol=1e-5)
    graph = onnx.load(tmp_path / "onnx" / "encode.onnx").graph
    assert "Values in [0, 1]." in graph.input[0].doc_string
    documented = {output.name: output.doc_string for output in graph.output}
    assert "Values in [0, 1099]." in documented["indices_1"]
    for tensor in (*graph.input, *graph.output):
        assert tensor.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_conditional_model_takes_labels(rng, tmp_path):
    model = zoo.cvae(
        (8, 8, 3), num_classes=4, latent_dim=3, network="mlp", hidden_dim=4
    )
    model.export(tmp_path / "onnx", format="onnx")
    x, labels = tiny_images(rng, 3), np.array([0, 3, 1], "int32")
    with eagerly():
        expected = model.encode(x, labels)
        outputs = model.decode(expected, labels)
    latents = run(tmp_path / "onnx" / "encode.onnx", inputs=x, labels=labels)
    np.testing.assert_allclose(latents["latents"], expected, atol=1e-5)
    images = run(tmp_path / "onnx" / "decode.onnx", labels=labels, **latents)
    np.testing.assert_allclose(images["outputs"], outputs, atol=1e-5)


def test_bad_formats_leave_nothing(tmp_path, monkeypatch):
    model = models.Pixels((4, 4, 1))
    with pytest.raises(ValueError, match=r"tf_saved_model, onnx.*'h5'"):
        export_model(model, tmp_path / "out", format="h5")
    with pytest.raises(ValueError, match=r"has no options.*version"):
        export_model(model, tmp_path / "out", format="onnx", version=1)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"keras_vq\[onnx\]"):
        export_model(model, tmp_path / "out", format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_operation_that_onnx_lacks_is_an_error():
    inputs = Field("inputs", "float32", (None, 3), "Numbers.")
    outputs = Field("outputs", "float32", (None, 3), "Numbers.")
    signature = Signature(
        "encode", "", lambda x: [tf.math.digamma(1 + x)], [inputs], [outputs]
    )
    with pytest.raises(
        ValueError, match=r"'encode' cannot be exported.*Digamma"
    ):
        converted(signature)
