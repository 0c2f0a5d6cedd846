import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.export.requests import check_outputs
from tests.export.requests import eagerly
from tests.export.requests import first_rows
from tests.helpers import one_layer_vqvae
from tests.helpers import run_python
from tests.helpers import tiny_images


def test_signatures_run_without_keras(folder, exchanges, tmp_path):
    expected = {
        signature: first_rows(outputs, 3)
        for signature, (_, outputs) in exchanges.items()
    }
    np.savez(
        tmp_path / "requests.npz",
        **{
            f"{signature}/{name}": x
            for signature, (inputs, _) in exchanges.items()
            for name, x in first_rows(inputs, 3).items()
        },
    )
    child = run_python(
        pathlib.Path(__file__).with_name("run_without_keras.py"),
        folder / "1",
        tmp_path / "requests.npz",
        tmp_path / "answers.npz",
        tmp_path,
    )
    found = np.load(tmp_path / "answers.npz", allow_pickle=True)
    names = {
        f"{s}/{name}" for s, outputs in expected.items() for name in outputs
    }
    assert set(found) == names
    for signature, outputs in expected.items():
        loaded = {name: found[f"{signature}/{name}"] for name in outputs}
        check_outputs(loaded, outputs)
    for signature in ("generate", "encode_png", "decode_png"):
        by_cli = {
            path.stem: np.load(path, allow_pickle=True)
            for path in (tmp_path / signature).iterdir()
        }
        check_outputs(by_cli, expected[signature])
    assert re.search(r"inputs\['inputs'\].*\n.*DT_FLOAT", child.stdout)
    assert "(-1, 8, 8, 3)" in child.stdout
    assert "outputs['reconstructions']" in child.stdout


def several_codes_per_position():
    quantizer = layers.ResidualVectorQuantizer(
        layers.VectorQuantizerEMA(8, 4), num_stages=2
    )
    model = one_layer_vqvae(quantizer=quantizer)
    model.adapt(tiny_images(np.random.default_rng(0), 8))
    return model, None, {"indices": (2, 2, 2)}


def several_maps():
    model = zoo.vqvae2(
        (8, 8, 3), hidden_dim=4, num_residual_layers=0, downsampling=2
    )
    return model, None, {"indices_0": (2, 2), "indices_1": (4, 4)}


def labels_and_no_codes():
    model = zoo.cvae(
        (8, 8, 3), num_classes=4, latent_dim=3, network="mlp", hidden_dim=4
    )
    return model, np.array([0, 3, 1], "int32"), {"latents": (3,)}


@pytest.mark.parametrize(
    "make", [several_codes_per_position, several_maps, labels_and_no_codes]
)
def test_latents_of_each_kind_have_their_names(rng, tmp_path, make):
    model, labels, shapes = make()
    saved_model(model, tmp_path / "served")
    signatures = tf.saved_model.load(str(tmp_path / "served")).signatures
    assert sorted(signatures) == [
        "decode",
        "encode",
        "serve",
        "serving_default",
    ]

    x = tiny_images(rng, 3)
    with eagerly():
        latents = model.encode(x, labels)
        outputs = model.decode(latents, labels)
    named = dict(zip(shapes, latents if len(shapes) > 1 else [latents]))
    assert {name: value.shape[1:] for name, value in named.items()} == shapes
    others = {} if labels is None else {"labels": labels}
    for count in (3, 1):
        inputs = first_rows({"inputs": x, **others}, count)
        found = signatures["encode"](**inputs)
        check_outputs(found, first_rows(named, count))
        served = {"reconstructions": outputs[:count]}
        check_outputs(signatures["serve"](**inputs), served)
        check_outputs(signatures["serving_default"](**inputs), served)
        decoded = signatures["decode"](**found, **first_rows(others, count))
        check_outputs(decoded, {"outputs": outputs[:count]})


def test_versions_lie_side_by_side(tmp_path):
    model = models.Pixels((4, 4, 1))
    path = tmp_path / "served"
    (path / "1").mkdir(parents=True)
    saved_model(model, path, version=2)
    assert sorted(x.name for x in path.iterdir()) == ["1", "2"]
    with pytest.raises(FileExistsError, match=r"2: it exists\. Give a higher"):
        saved_model(model, path, version=2)
    assert sorted(x.name for x in path.iterdir()) == ["1", "2"]


def test_what_exists_is_left_alone(tmp_path):
    model = models.Pixels((4, 4, 1))
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("mine")
    folder.mkdir()
    (folder / "file").write_text("mine")
    for path, version in ((folder, None), (file, None), (file, 1)):
        with pytest.raises(FileExistsError, match=f"{path.name}: it exists"):
            saved_model(model, path, version=version)
    with pytest.raises(FileNotFoundError, match="no does not exist"):
        saved_model(model, tmp_path / "no" / "served")
    assert sorted(tmp_path.iterdir()) == [file, folder]
    assert file.read_text() == (folder / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"version": -1}, r"`version` must be an integer >= 0.*-1"),
        ({"version": "new"}, r"`version` must be an integer >= 0.*'new'"),
        ({"top_p": 2.0}, r"`top_p` must be a number in \(0, 1\].*2\.0"),
        ({"warmup_batch_sizes": (0,)}, "warmup_batch_sizes=0"),
    ],
)
def test_bad_arguments_leave_nothing(generator, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        saved_model(generator, tmp_path / "served", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_options_that_do_not_fit_the_model_are_errors(generator, tmp_path):
    sounds = models.Pixels((16, 1))
    with pytest.raises(ValueError, match=r"png=True.*input_shape=\(16, 1\)"):
        saved_model(sounds, tmp_path / "served", png=True)
    with pytest.raises(ValueError, match=r"'top_k': 3.* for a VQVAE"):
        saved_model(generator.tokenizer, tmp_path / "served", top_k=3)
    assert list(tmp_path.iterdir()) == []
