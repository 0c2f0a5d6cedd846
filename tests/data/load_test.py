import os
import re
import shutil

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from keras_vq.data import epochs
from keras_vq.data import load
from keras_vq.data import scenes as scenes_package
from keras_vq.data import tfds_examples
from keras_vq.data.scenes import builder


@pytest.fixture
def scenes(scenes_dir):
    def load_scenes(split="test[:50]", *args, **kwargs):
        return load("scenes", split, *args, data_dir=scenes_dir, **kwargs)

    return load_scenes


def arrays(dataset):
    return [batch.numpy() for batch in dataset]


def test_batches_of_images_in_the_unit_range(scenes):
    dataset = scenes(batch_size=16)
    assert dataset.element_spec.shape.as_list() == [None, 32, 32, 3]
    assert len(dataset) == 4
    batches = arrays(dataset)
    assert [len(b) for b in batches] == [16, 16, 16, 2]
    assert batches[0].dtype == "float32"
    assert 0 <= min(b.min() for b in batches) < 0.2
    assert 0.8 < max(b.max() for b in batches) <= 1


def test_scenes_are_rendered_at_the_requested_size(scenes, scenes_dir):
    expected = arrays(load("scenes/64", "test[:50]", data_dir=scenes_dir))
    np.testing.assert_array_equal(arrays(scenes(image_size=64)), expected)
    assert arrays(scenes(image_size=40))[0].shape == (50, 40, 40, 3)


@pytest.mark.parametrize("size", [0, -3, (8,), (8, 0), 8.0, "8"])
def test_bad_image_size_is_reported(scenes, size):
    with pytest.raises(ValueError, match=f"image_size={re.escape(repr(size))}"):
        scenes(image_size=size)


def test_unknown_version_is_reported():
    with pytest.raises(ValueError, match=r"name='mnist:9\.9\.9'"):
        load("mnist:9.9.9")


def test_labels_on_request(scenes):
    images, labels = next(iter(scenes(labels=True, batch_size=50)))
    assert images.shape == (50, 32, 32, 3)
    assert labels.dtype == "int64"
    assert set(labels.numpy()) == {0, 1, 2, 3}


def test_train_is_shuffled_anew_each_epoch_and_test_is_not(scenes):
    train = scenes("train[:50]", 50)
    first, second = arrays(train)[0], arrays(train)[0]
    assert not np.array_equal(first, second)
    key = lambda images: np.sort(images.sum((1, 2, 3)))  # noqa: E731
    np.testing.assert_allclose(key(first), key(second), rtol=1e-6)
    test = scenes("test[:50]", 50)
    np.testing.assert_array_equal(arrays(test)[0], arrays(test)[0])


def test_numbered_epochs_depend_on_seed_and_number_alone(scenes):
    def epochs(numbers, seed=3):
        return arrays(scenes("train[:40]", 16, seed=seed, epochs=numbers))

    tf.random.set_seed(0)
    all_four = epochs(range(4))
    assert len(all_four) == 4 * 3
    tf.random.set_seed(1)
    for a, b in zip(all_four[6:], epochs(range(2, 4)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(all_four[0], all_four[3])
    assert not np.array_equal(all_four[0], epochs(range(1), seed=4)[0])


def test_numbered_epochs_of_data_that_do_not_fit_in_memory(scenes, monkeypatch):
    expected = np.concatenate(arrays(scenes("train[:40]", 16, shuffle=False)))
    monkeypatch.setattr(epochs, "MEMORY_LIMIT", 0)
    first = arrays(scenes("train[:40]", 16, epochs=range(2)))
    again = arrays(scenes("train[:40]", 16, epochs=range(1, 2)))
    for a, b in zip(first[3:], again, strict=True):
        np.testing.assert_array_equal(a, b)
    found = np.concatenate(first[:3])
    assert not np.array_equal(found, expected)
    key = lambda images: np.sort(images.sum((1, 2, 3)))  # noqa: E731
    np.testing.assert_allclose(key(found), key(expected), rtol=1e-6)


def test_other_features_are_pictures_too(scenes_dir):
    options = {"shuffle": False, "data_dir": scenes_dir}

    def pictures(feature):
        batches = load("scenes", "test", 4, feature=feature, **options)
        return next(batches.as_numpy_iterator())

    segmentation = pictures("segmentation")
    assert segmentation.shape == (4, 32, 32, 3)
    found = scenes_package.segments(segmentation)
    colors = scenes_package.SEGMENT_COLORS[found] / 255
    np.testing.assert_allclose(segmentation, colors, atol=1e-6)
    assert set(np.unique(found)) <= set(range(6))
    assert {0, 1} < set(np.unique(found))
    depth, edges = pictures("depth"), pictures("edges")
    assert depth.shape == edges.shape == (4, 32, 32, 1)
    assert set(np.unique(edges)) == {0, 1}
    np.testing.assert_array_equal(depth[..., 0] == 0, found == 0)
    for feature, message in (
        ("key_points", r"is no picture.*Tensor"),
        ("color", "has no colors"),
    ):
        with pytest.raises(ValueError, match=message):
            pictures(feature)


def test_resized_and_converted_to_grey(scenes):
    dataset = scenes(image_size=(16, 24), channels=1)
    assert next(iter(dataset)).shape == (50, 16, 24, 1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("mnits",), "Did you mean 'mnist'"),
        (("scenes/33",), "sizes 32, 64, 128, 256.*'scenes/33'"),
        (("no/such/folder",), "neither a TFDS data set nor a folder"),
        (("scenes", "tset"), "splits train, test.*split='tset'"),
        (("scenes", "test", 0), "batch_size=0"),
        (("scenes", "test", 8, None, 2), "channels=2"),
    ],
)
def test_bad_arguments_are_reported(scenes_dir, args, message):
    with pytest.raises(ValueError, match=message):
        load(*args, data_dir=scenes_dir)


def test_error_without_data_and_network_gives_advice(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_examples, "_is_online", lambda: False)
    with pytest.raises(FileNotFoundError) as error:
        load("cifar10", data_dir=str(tmp_path))
    for part in (str(tmp_path), "TFDS_DATA_DIR", "'scenes'"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [("mnist", (28, 28, 1), 10_000), ("cifar10", (32, 32, 3), 10_000)],
)
def test_real_data(real_data_dir, name, shape, count):
    dataset = load(name, "test", 500, labels=True, data_dir=real_data_dir)
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    assert np.concatenate(images).shape == (count, *shape)
    assert set(np.concatenate(labels)) == set(range(10))


def test_data_without_images_are_rejected(real_data_dir):
    with pytest.raises(ValueError, match=r"has no images.*audio, label"):
        load("spoken_digit", data_dir=real_data_dir)


@pytest.fixture
def folder(rng, tmp_path):
    """24 images in two classes, of different sizes and formats."""
    path = tmp_path / "pictures"
    for i in range(24):
        place = path / ("cat" if i % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (30 + i, 40, 3), dtype="uint8")
        encode = tf.io.encode_png if i % 3 else tf.io.encode_jpeg
        name = place / f"{i:02d}.{'png' if i % 3 else 'jpg'}"
        name.write_bytes(encode(pixels).numpy())
    return path


def test_folder_has_two_splits_that_do_not_overlap(folder):
    def sums(split):
        dataset = load(folder, split, 8, image_size=16, shuffle=False)
        images = np.concatenate(arrays(dataset))
        assert images.shape[1:] == (16, 16, 3)
        return set(images.sum((1, 2, 3)).tolist())

    train, test, whole = sums("train"), sums("test"), sums("all")
    assert (len(train), len(test)) == (23, 1)  # by their names
    assert train | test == whole
    assert not train & test
    assert len(sums("train[:5]")) == 5


def test_folders_are_the_classes(folder):
    dataset = load(folder, "all", 24, image_size=16, labels=True)
    _, labels = next(iter(dataset))
    assert sorted(labels.numpy()) == [0] * 12 + [1] * 12


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["bmp", "gif", "png", "jpg"])
def test_every_format_in_grey_and_color(tmp_path, rng, suffix, channels):
    pixels = rng.integers(0, 256, (20, 20, 3), dtype="uint8")
    for mode in ("RGB", "L"):
        picture = PIL.Image.fromarray(pixels).convert(mode)
        picture.save(tmp_path / f"{mode}.{suffix}")
    dataset = load(tmp_path, "all", image_size=16, channels=channels)
    assert next(iter(dataset)).shape == (2, 16, 16, channels)


def test_folders_that_share_a_name_with_a_data_set(folder, monkeypatch):
    (folder / "cat").rename(folder / "cats_vs_dogs")
    monkeypatch.chdir(folder.parent)
    folder.rename(folder.parent / "mnist")
    for name in ("mnist/cats_vs_dogs", "./mnist"):
        assert len(load(name, "all", 1, image_size=16)) in (12, 24)


def test_crop_keeps_the_centre_and_the_aspect_ratio(tmp_path):
    pixels = np.zeros((20, 60, 3), "uint8")
    pixels[:, 20:40] = 255  # the centre is white, both sides are black
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(pixels).numpy())
    image = next(iter(load(tmp_path, "all", image_size=10)))
    np.testing.assert_array_equal(image, np.ones((1, 10, 10, 3)))


def test_corrupt_image_is_reported(folder):
    bad = folder / "cat" / "07.png"
    os.truncate(bad, 500)
    with pytest.raises(ValueError, match=r"Cannot read the image .*07\.png"):
        load(folder, "all", image_size=16)


def test_sizes_that_differ_are_reported(folder):
    with pytest.raises(ValueError, match=r"differ in size: .*image_size"):
        load(folder, "all")


def test_folder_without_images_is_reported(tmp_path):
    with pytest.raises(ValueError, match="No images found in the folder"):
        load(tmp_path)


def test_unknown_split_of_a_folder(folder):
    with pytest.raises(ValueError, match="splits train, test and all"):
        load(folder, "validation", image_size=16)


def test_scenes_are_prepared_once(scenes, scenes_dir):
    scenes()
    (version,) = os.scandir(os.path.join(scenes_dir, "scenes", "32"))
    before = version.stat().st_mtime_ns
    scenes()
    assert version.stat().st_mtime_ns == before
    shutil.rmtree(os.path.join(scenes_dir, "downloads"), ignore_errors=True)


def test_static_binarization_takes_values_as_probabilities(scenes):
    dataset = scenes(binarize=True, shuffle=False)
    first, again = (np.concatenate(arrays(dataset)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert set(np.unique(first)) == {0.0, 1.0}
    gray = np.concatenate(arrays(scenes(shuffle=False)))
    for low in (0.2, 0.4, 0.6):
        near = (gray > low) & (gray < low + 0.1)
        assert first[near].mean() == pytest.approx(low + 0.05, abs=0.02)
    # Neighbouring images have draws of their own.
    gray_pair = np.abs(gray[0] - gray[1]) < 0.02
    assert (first[0] != first[1])[gray_pair].mean() > 0.1


@pytest.mark.parametrize("feature", ["image", "depth"])
def test_a_part_of_the_scenes_is_rendered_alone(
    scenes_dir, tmp_path, monkeypatch, feature
):
    """It holds what the same part of the prepared data set holds."""
    monkeypatch.setattr(builder, "NUM_EXAMPLES", {"train": 500, "test": 100})
    for split in ("train[10:14]", "test[-2:]+train[:3]"):
        parts = [
            load(
                "scenes",
                split,
                labels=True,
                shuffle=False,
                feature=feature,
                data_dir=folder,
            )
            for folder in (str(tmp_path), scenes_dir)
        ]
        (images, labels), (expected, classes) = (
            next(part.as_numpy_iterator()) for part in parts
        )
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, classes)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="has the splits train, test"):
        load("scenes", "trian", data_dir=str(tmp_path))
