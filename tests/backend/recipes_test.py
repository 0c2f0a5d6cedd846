"""A recipe, trained and resumed on the backend under test."""

import shutil

import keras
import numpy as np
import pytest

from keras_vq import recipes
from tests.helpers import to_numpy
from tests.runs import trained_run


@pytest.fixture(autouse=True)
def data_dir(scenes_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)


def test_a_resumed_run_ends_where_an_uninterrupted_one_ends(tmp_path):
    whole = trained_run("vqvae")
    assert whole.history["loss"][1] < whole.history["loss"][0]
    path = tmp_path / "broken"
    shutil.copytree(whole.path, path)
    (path / "model.keras").unlink()
    (path / "checkpoints" / "epoch_0002.keras").unlink()
    broken = recipes.resume(path)
    for name, values in whole.history.items():
        assert broken.history[name] == pytest.approx(values, rel=1e-3), name
    one, other = (
        keras.models.load_model(run.model_path) for run in (whole, broken)
    )
    for a, b in zip(
        [*one.weights, *one.optimizer.variables],
        [*other.weights, *other.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-5)
    rate = float(to_numpy(other.optimizer.learning_rate))
    assert rate == pytest.approx(0, abs=1e-9)  # cosine decay
