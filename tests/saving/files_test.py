import pytest

from keras_vq.saving import written_whole
from tests.helpers import left_by_a_killed_writer


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
