"""Folders of images: their files and splits."""

import os

import numpy as np
import PIL.Image
import pytest

from keras_vq.data import ImageFolder
from keras_vq.data import epochs
from keras_vq.data import load


def write(path, color=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8, 3), color, "uint8")
    PIL.Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    for i in range(40):
        write(tmp_path / "photos" / f"{i:02d}.png", color=i)
    return tmp_path / "photos"


def test_hidden_and_other_files_are_skipped_and_counted(photos):
    write(photos / ".thumbnails" / "00.png")
    write(photos / ".hidden.png")
    for name in ("a.heic", "b.heic", "notes.txt", "README"):
        (photos / name).touch()
    folder = ImageFolder(photos)
    assert str(folder) == (
        "40 images, 6 skipped: 2 hidden, 2 .heic, 1 without a suffix, 1 .txt"
    )
    assert folder.class_names == [""]


def test_links_are_followed_but_not_in_cycles(photos, tmp_path):
    write(tmp_path / "elsewhere" / "cat" / "x.png")
    (photos / "album").symlink_to(tmp_path / "elsewhere")
    (photos / "circle").symlink_to(photos)
    (photos / "99.png").symlink_to(photos / "00.png")
    folder = ImageFolder(photos)
    assert len(folder.paths) == 42
    assert folder.class_names == ["", "album"]


def test_a_dangling_link_is_reported(photos):
    (photos / "98.png").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match=r"98\.png links to"):
        load(photos, "all", image_size=8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_image_is_reported(photos):
    (photos / "07.png").chmod(0)
    with pytest.raises(PermissionError, match=r"07\.png"):
        load(photos, "all", image_size=8)


def test_adding_a_file_keeps_the_splits_of_the_others(photos):
    def splits():
        folder = ImageFolder(photos)
        return dict(zip(folder.paths, folder.splits, strict=True))

    before = splits()
    assert 1 <= list(before.values()).count("test") <= 10
    write(photos / "05b.png")
    after = splits()
    assert before.items() <= after.items()
    assert len(after) == 41


def test_train_and_test_folders_are_splits(tmp_path):
    for split, names in (("train", "abc"), ("test", "de")):
        for i, name in enumerate(names):
            kind = "cat" if i % 2 else "dog"
            write(tmp_path / split / kind / f"{name}.png")
    folder = ImageFolder(tmp_path)
    assert folder.class_names == ["cat", "dog"]
    for split, count in (("train", 3), ("test", 2), ("all", 5)):
        batches = load(tmp_path, split, 8, image_size=8, labels=True)
        images, labels = next(iter(batches))
        assert len(images) == count
        assert set(labels.numpy()) == {0, 1}


def test_the_first_folder_is_the_class(tmp_path):
    write(tmp_path / "cats" / "2024" / "a.png")
    write(tmp_path / "cats" / "2025" / "b.png")
    write(tmp_path / "dogs" / "c.png")
    folder = ImageFolder(tmp_path)
    assert folder.class_names == ["cats", "dogs"]
    assert folder.labels.tolist() == [0, 0, 1]


def test_error_of_an_empty_split_gives_advice(tmp_path):
    write(tmp_path / "only.png")
    (split,) = ImageFolder(tmp_path).splits
    empty = {"train": "test", "test": "train"}[split]
    with pytest.raises(ValueError, match=f"split '{empty}'.*1 image.*'all'"):
        load(tmp_path, empty, image_size=8)
    assert len(load(tmp_path, "all", image_size=8)) == 1


def test_the_home_directory_is_expanded(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos.parent))
    assert len(load("~/photos", "all", 50, image_size=8)) == 1


def test_crops_and_flips_depend_on_the_seed_and_the_epoch(
    tmp_path,
):
    ramp = np.arange(160, dtype="uint8").reshape(10, 16, 1).repeat(3, 2)
    PIL.Image.fromarray(ramp).save(tmp_path / "ramp.png")
    options = {"image_size": (8, 8), "crop": 0.5, "flip": True}

    def epochs(numbers=None, seed=0):
        data = load(
            tmp_path,
            "all",
            1,
            epochs=numbers,
            seed=seed,
            shuffle=True,
            **options,
        )
        return np.concatenate([batch.numpy() for batch in data])

    eight = epochs(range(8))
    assert eight.shape == (8, 8, 8, 3)
    np.testing.assert_array_equal(epochs(range(5, 8)), eight[5:])
    assert len(np.unique(eight, axis=0)) > 3
    assert np.any(epochs(range(8), seed=1) != eight)
    steps = np.sign(np.diff(eight[:, 0, :, 0]).mean(1))
    assert set(steps) == {-1, 1}  # mirrored or not
    data = load(tmp_path, "all", 1, **options)
    again = [next(iter(data)).numpy() for _ in range(6)]
    assert len({x.tobytes() for x in again}) > 1


def test_folders_that_do_not_fit_in_memory_are_read_again(photos, monkeypatch):
    options = {"image_size": 8, "shuffle": False}
    expected = next(iter(load(photos, "all", 50, **options))).numpy()
    monkeypatch.setattr(epochs, "MEMORY_LIMIT", 1000)
    found = next(iter(load(photos, "all", 50, **options))).numpy()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("crop", [0, 1.5, float("nan"), "half"])
def test_bad_crops_are_reported(photos, crop):
    with pytest.raises(ValueError, match="crop"):
        load(photos, "all", image_size=8, crop=crop)
