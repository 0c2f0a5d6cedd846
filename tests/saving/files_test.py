import pytest

from keras_vq.saving import written_whole
from tests.helpers import left_by_a_killed_writer
from tests.helpers import run_python


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "file.txt"
    with written_whole(path) as temporary:
        temporary.write_text("text")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail():
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_work_too(tmp_path):
    with written_whole(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "inside").write_text("text")
    assert (tmp_path / "folder" / "inside").read_text() == "text"


def test_missing_parent_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no does not exist"):
        with written_whole(tmp_path / "no" / "file"):
            pass


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "model.txt"
    ours = left_by_a_killed_writer(path)
    others = tmp_path / ".tmp-model.txt-mine"
    others.mkdir()
    with written_whole(path) as temporary:
        assert not ours.exists()
        with written_whole(path) as second:  # the first is not removed
            second.write_text("b")
        temporary.write_text("a")
    assert path.read_text() == "a"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".tmp-model.txt-mine",
        "model.txt",
    ]


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    """A limit on the size of files stands in for the disk."""
    program = """
import pathlib
import resource
import sys

import h5py
import numpy as np

from keras_vq.saving import written_whole

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
path = pathlib.Path(sys.argv[1])

def write_hdf5(temporary):
    with h5py.File(temporary, "w") as file:
        file["x"] = np.ones(100_000)

def write_bytes(temporary):
    temporary.write_bytes(bytes(100_000))

for write in (write_bytes, write_hdf5):
    try:
        with written_whole(path) as temporary:
            write(temporary)
    except OSError as error:
        print(error)
"""
    path = tmp_path / "model.h5"
    path.write_text("old")
    child = run_python("-c", program, path)
    line = f"Cannot write {path}: file too large."
    assert child.stdout.splitlines() == [line, line]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
