import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from keras_vq.saving.model_file import check_expansion
from keras_vq.saving.model_file import load_model_file
from tests.helpers import tiny_vqvae


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """dict, the members of a model's file."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    tiny_vqvae().save(path)
    assert load_model_file(path).num_embeddings
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def hdf5_bomb(path, weights):
    """The weights with another array: a gigabyte that takes no space."""
    path.write_bytes(weights)
    with h5py.File(path, "a") as file:
        file.create_dataset("more", (2**28,), "float32", chunks=(2**20,))
    return path.read_bytes()


def test_a_file_that_others_compressed_loads(members, tmp_path):
    path = write(tmp_path / "model.keras", members)
    assert load_model_file(path).num_embeddings


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        ("zip", "would take 200 MiB of memory"),
        ("members", "has 2003 members. Expected at most 1000"),
        ("hdf5", r"would take 1,02\d MiB of memory"),
    ],
)
def test_bombs_are_refused_before_they_are_read(
    members, tmp_path, bomb, message
):
    members = dict(members)
    if bomb == "zip":
        members["assets/zeros"] = bytes(200 * 2**20)
    elif bomb == "members":
        members |= {f"assets/{i}": b"" for i in range(2000)}
    else:
        weights = members["model.weights.h5"]
        members["model.weights.h5"] = hdf5_bomb(tmp_path / "w.h5", weights)
        with pytest.raises(ValueError, match=message):
            check_expansion(tmp_path / "w.h5")
    path = write(tmp_path / "model.keras", members)
    assert path.stat().st_size < 2**20
    del members
    tracemalloc.start()
    with pytest.raises(ValueError, match=message):
        load_model_file(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_zeros_of_an_optimizer_are_no_bomb(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["zeros"] = np.zeros(10**6, "float32")
    check_expansion(tmp_path / "w.h5")
