"""The installation without TensorFlow, as docs/installation.md lists it."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib

import packaging.requirements
import pytest

from keras_vq import extras
from tests.conftest import ROOT

PROGRAM = """
import importlib.util
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
sys.path[:0] = sys.argv[2:]
for absent in ("tensorflow", "tensorflow_datasets", "keras_tuner"):
    assert importlib.util.find_spec(absent) is None

import keras
import numpy as np

import keras_vq

images = np.random.default_rng(0).uniform(size=(16, 8, 8, 3))
tokenizer = keras_vq.zoo.vqvae((8, 8, 3), num_embeddings=8, hidden_dim=8)
tokenizer.fit(images, epochs=1, batch_size=8, verbose=0)
codes = tokenizer.encode(images)
tokenizer.save(folder / "model.keras")
tokenizer = keras.models.load_model(folder / "model.keras")
np.testing.assert_array_equal(tokenizer.encode(images), codes)
tokenizer.save_to_preset(folder / "preset")
tokenizer = keras_vq.models.VQVAE.from_preset(folder / "preset")
np.testing.assert_array_equal(tokenizer.encode(images), codes)

prior = keras_vq.zoo.pixelcnn(tokenizer, hidden_dim=8, num_layers=1)
prior.fit(codes, epochs=1, batch_size=8, verbose=0)
generator = keras_vq.LatentGenerator(tokenizer, prior)
assert generator.generate(2, seed=0).shape == (2, 8, 8, 3)

for name, package in (
    ("data", "tensorflow-datasets"),
    ("export", "tensorflow"),
    ("recipes", "keras-tuner"),
    ("tuning", "keras-tuner"),
):
    try:
        getattr(keras_vq, name)
    except ImportError as error:
        assert f"'{package}'" in str(error), error
    else:
        raise AssertionError(f"keras_vq.{name} was imported")
try:
    keras_vq.show(tokenizer, images)
except ImportError as error:
    assert "'keras_vq[plots]'" in str(error), error
else:
    raise AssertionError("drawn without matplotlib")
print("done")
"""


def listed_packages():
    """What the page installs by hand, without the backend."""
    text = (ROOT / "docs" / "installation.md").read_text()
    (line,) = re.findall(r"--no-deps keras_vq\npip install (.*?) jax", text)
    return line.split()


def with_requirements(name, found):
    """Add an installed distribution and all that it needs, by name."""
    if name not in found:
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            needed = packaging.requirements.Requirement(text)
            if not needed.marker or needed.marker.evaluate({"extra": ""}):
                with_requirements(needed.name, found)
    return found


def link_into(folder, distributions):
    """Link the distributions' files; returns their size in bytes."""
    folder.mkdir()
    size = 0
    for distribution in distributions:
        for file in distribution.files:
            top = file.parts[0]
            if top != "..":
                size += os.path.getsize(file.locate())
                link = folder / top
                if not link.exists():
                    link.symlink_to(distribution.locate_file(top))
    return size


def test_errors_name_extras_that_install_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    offered = project["optional-dependencies"]
    everything = offered["all"][0]
    for module, install in extras._PACKAGES.items():
        assert extras.is_installed(module)
        name = install.removeprefix("keras_vq[").removesuffix("]")
        if name != install:
            assert name in everything
            names = {
                packaging.requirements.Requirement(text).name
                for text in offered[name]
            }
        else:
            names = {install}
        providers = importlib.metadata.packages_distributions()[module]
        assert normalized(names) & normalized(providers)


def normalized(names):
    return {name.replace("_", "-") for name in names}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_models_and_priors_run_without_tensorflow(backend, tmp_path):
    ours = {}
    for name in listed_packages():
        with_requirements(name, ours)
    size = link_into(tmp_path / "ours", ours.values())
    assert size < 300e6
    others = with_requirements(backend, {})
    for name in ours.keys() & others.keys():
        del others[name]
    link_into(tmp_path / "backend", others.values())
    paths = [str(tmp_path / "ours"), str(tmp_path / "backend"), str(ROOT)]
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path), *paths],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.split() == ["done"]
