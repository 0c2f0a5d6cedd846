import os

import av
import numpy as np
import pytest

from keras_vq import data
from keras_vq.data import moving_mnist
from keras_vq.data.load_video import load_video
from keras_vq.data.video import read_frames
from keras_vq.data.video import read_video
from keras_vq.data.video import write_gif

MNIST = os.environ.get("KERAS_VQ_TEST_DATA", "../shared/tfds")


def ramp(number, frames=6, size=(8, 12)):
    """Frame t of video n has the gray level 40 n + 5 t everywhere."""
    levels = 40 * number + 5 * np.arange(frames)
    return np.tile(levels[:, None, None, None], (1, *size, 3)).astype("uint8")


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["low/a", "low/b", "high/c"]):
        path = tmp_path / "videos" / "train" / f"{name}.gif"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_gif(path, ramp(number))
    path = tmp_path / "videos" / "test" / "low" / "d.gif"
    path.parent.mkdir(parents=True)
    write_gif(path, ramp(3))
    return tmp_path / "videos"


def write_mp4(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def test_files_are_read_frame_by_frame(tmp_path):
    frames = ramp(2, size=(16, 32))
    write_gif(tmp_path / "a.gif", frames)
    np.testing.assert_array_equal(read_video(tmp_path / "a.gif"), frames)
    still = np.zeros((4, 8, 8, 1))
    write_gif(tmp_path / "still.gif", still)
    found = read_video(tmp_path / "still.gif")
    assert found.shape == (4, 8, 8, 3)
    assert found.max() <= 1
    write_gif(tmp_path / "gray.gif", frames[..., :1] / 255)
    np.testing.assert_array_equal(read_video(tmp_path / "gray.gif"), frames)
    write_mp4(tmp_path / "b.mp4", frames)
    found = read_video(tmp_path / "b.mp4")
    assert found.shape == frames.shape
    np.testing.assert_allclose(found, frames.astype(float), atol=4)
    small = read_frames(tmp_path / "a.gif", (4, 8, 8, 1))
    np.testing.assert_array_equal(small, frames[:4, :8, :8, :1])


def test_clips_of_a_test_split_are_the_first_frames(folder):
    (clips,) = load_video(folder, "test", num_frames=4).as_numpy_iterator()
    np.testing.assert_allclose(clips, ramp(3)[None, :4] / 255)
    options = {"image_size": (4, 6), "channels": 1, "labels": True}
    batches = data.load(
        str(folder), "train", shuffle=False, num_frames=2, **options
    )
    ((clips, labels),) = batches.as_numpy_iterator()
    assert clips.shape == (3, 2, 4, 6, 1)
    np.testing.assert_array_equal(labels, [0, 1, 1])  # by path: high, low
    levels = np.round(clips[:, :, 0, 0, 0] * 255)
    np.testing.assert_array_equal(levels, [[80, 85], [0, 5], [40, 45]])


def test_random_clips_are_a_function_of_seed_and_epoch(folder):
    def levels(epochs, seed=0):
        batches = load_video(
            folder, num_frames=2, epochs=epochs, seed=seed, batch_size=2
        ).as_numpy_iterator()
        clips = np.concatenate(list(batches)) * 255
        found = np.round(clips[..., 0, 0, 0]).astype(int)
        np.testing.assert_array_equal(found[:, 1] - found[:, 0], 5)
        return found[:, 0].tolist()

    both = levels(range(2))
    assert both == levels(range(1)) + levels(range(1, 2))
    assert levels(range(4)) != levels(range(4), seed=1)
    assert set(np.array(levels(range(20))) % 40) == {0, 5, 10, 15, 20}


def test_moving_mnist():
    options = {"data_dir": MNIST, "num_frames": 5, "labels": True}
    batches = data.load("moving_mnist", "test[:6]", 6, **options)
    ((clips, labels),) = batches.as_numpy_iterator()
    assert clips.shape == (6, 5, 64, 64, 1)
    assert clips.min() == 0
    assert clips.max() <= 1
    images = next(iter(data.load("mnist", "test[:6]", 6, data_dir=MNIST)))
    ink = images.numpy().sum(axis=(1, 2, 3))
    found = clips.sum(axis=(2, 3, 4))
    # Two digits, which are as bright in each frame unless they overlap.
    assert (found > 0.6 * ink[:, None]).all()
    assert (found.max(axis=1) < ink + ink.max() + 1).all()
    np.testing.assert_allclose(np.diff(clips, axis=1).mean(), 0, atol=0.02)
    assert (np.abs(np.diff(clips, axis=1)).max(axis=(2, 3, 4)) > 0.5).all()
    ((again, _),) = data.load(
        "moving_mnist", "test[:6]", 6, **options
    ).as_numpy_iterator()
    np.testing.assert_array_equal(clips, again)
    ((small, _),) = data.load(
        "moving_mnist", "test[:4]", image_size=32, channels=3, **options
    ).as_numpy_iterator()
    assert small.shape == (4, 5, 32, 32, 3)
    ((_, digits),) = data.load(
        "mnist", "test[:6]", 6, data_dir=MNIST, labels=True
    ).as_numpy_iterator()
    pairs = np.sort([digits, digits[moving_mnist.partners(6)]], axis=0)
    np.testing.assert_array_equal(labels, 10 * pairs[0] + pairs[1])


def test_bad_videos_are_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"d.gif is too short.* 6 frames.* 9"):
        load_video(folder, "test", num_frames=9)
    write_gif(folder / "test" / "low" / "e.gif", ramp(0, frames=1))
    with pytest.raises(ValueError, match=r"e.gif is too short.*: 1 frame\."):
        load_video(folder, "test", num_frames=2)
    write_gif(folder / "test" / "low" / "e.gif", ramp(0, size=(8, 8)))
    with pytest.raises(ValueError, match=r"e.gif has frames.*\(8, 8, 3\)"):
        load_video(folder, "test", num_frames=2)
    (folder / "test" / "low" / "e.gif").write_bytes(b"GIF89a, or not")
    with pytest.raises(ValueError, match=r"e\.gif is damaged"):
        load_video(folder, "test", num_frames=2)
    with pytest.raises(FileNotFoundError, match=r"no video .*f\.gif"):
        read_video(tmp_path / "f.gif")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="No videos found"):
        load_video(tmp_path / "empty")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": 0}, "num_frames=0"),
        ({"channels": 2}, "channels=2"),
        ({"image_size": -1}, "image_size=-1"),
        ({"name": "moving_minst"}, "Unknown data set"),
        ({"name": "moving_mnist", "image_size": 20}, r"at least 28 pixels.*20"),
        ({"sample_rate": 8000}, r"of video or of sound.*8000"),
        ({"flip": True}, r"no binarize, crop or flip.*flip=True"),
    ],
)
def test_bad_arguments(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(
            **{
                "name": str(folder),
                "num_frames": 2,
                "data_dir": MNIST,
                **arguments,
            }
        )
