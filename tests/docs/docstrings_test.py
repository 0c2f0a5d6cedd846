"""Every example in a public docstring runs."""

import doctest
import importlib
import inspect
import re
import shutil
import textwrap

import keras
import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

import keras_vq
from keras_vq.data.video import write_gif
from tests.architecture_test import NAMESPACES
from tests.helpers import to_numpy
from tests.runs import trained_run
from tests.runs import write_recipe

FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples():
    for namespace in NAMESPACES:
        module = importlib.import_module(f"keras_vq.{namespace}")
        for name in module.__all__:
            doc = inspect.getdoc(getattr(module, name)) or ""
            _, _, example = doc.partition("Example:")
            if example:
                yield pytest.param(example, id=f"{namespace}.{name}")


def comparable(value):
    """A value as docstrings print it, on any backend."""
    if type(value).__name__ in ("TensorShape", "Size"):
        return tuple(value)
    if isinstance(value, tuple):
        return tuple(map(comparable, value))
    return to_numpy(value) if hasattr(value, "shape") else value


def globals_of_examples():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(16, 8, 8, 3)).astype("float32")
    return {
        "keras": keras,
        "keras_vq": keras_vq,
        "np": np,
        "tf": tf,
        "images": images,
        "model": keras_vq.zoo.vqvae(
            input_shape=(8, 8, 3), num_embeddings=16, hidden_dim=8
        ),
    }


def with_small_recipe(example, folder):
    """The example with a recipe, a run and a search of a few seconds."""
    path = str(write_recipe("vqvae", folder))
    shutil.copytree(trained_run("vqvae").path, folder / "runs" / "vqvae_mnist")
    if "tune_vqvae_mnist" in example:
        keras_vq.recipes.search(
            path,
            {"num_embeddings": [4, 8]},
            max_trials=1,
            epochs=1,
            out="runs/tune_vqvae_mnist",
        )
    trained = r'(recipes\.(?:train|search)\(\s*)"vqvae_mnist"'
    return re.sub(trained, rf"\g<1>{path!r}", example)


@pytest.mark.filterwarnings("ignore:.*`shuffle=True` was passed:UserWarning")
@pytest.mark.parametrize("example", list(examples()))
def test_example_runs(example, tmp_path, monkeypatch, scenes_dir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)
    scope = globals_of_examples()
    if "keras_vq.recipes" in example:
        example = with_small_recipe(example, tmp_path)
        scope["images"] = np.zeros((2, 32, 32, 3))
    blocks = FENCED.findall(example)
    if "photos" in example:
        (tmp_path / "photos").mkdir()
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "one.png")
    if "voices" in example:
        (tmp_path / "voices").mkdir()
        soundfile.write(tmp_path / "voices" / "a.wav", np.eye(1, 9000)[0], 8000)
    if "videos" in example:
        (tmp_path / "videos").mkdir()
        write_gif(tmp_path / "videos" / "a.gif", np.zeros((9, 8, 8, 1)))
    for block in blocks:
        exec(textwrap.dedent(block), scope)
    statements = doctest.DocTestParser().get_examples(example)
    assert blocks or statements
    for statement in statements:
        if statement.want:
            found = comparable(eval(statement.source, scope))
            assert repr(found).split() == statement.want.split()
        else:
            exec(statement.source, scope)
