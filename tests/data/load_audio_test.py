import os
import warnings

import numpy as np
import pytest
import soundfile

from keras_vq import data
from keras_vq.data.load_audio import load_audio

RATE = 1000


@pytest.fixture
def folder(tmp_path):
    """Two classes of two recordings each; sample i of a ramp is i / 10,000."""
    for number, name in enumerate(["low/a", "low/b", "high/c", "high/d"]):
        path = tmp_path / "voices" / "train" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = (np.arange(1, 501) + 1000 * number) / 10_000
        soundfile.write(path, ramp, RATE, subtype="FLOAT")
    test = tmp_path / "voices" / "test" / "low" / "e.flac"
    test.parent.mkdir(parents=True)
    soundfile.write(test, np.full((300, 2), [0.25, 0.75]), RATE)
    return tmp_path / "voices"


def all_of(dataset):
    return [batch for batch in dataset.as_numpy_iterator()]


def test_clips_of_a_test_split_are_in_the_middle(folder):
    (clips,) = all_of(load_audio(folder, "test", clip_seconds=0.1))
    assert clips.shape == (1, 100, 1)
    np.testing.assert_allclose(clips, 0.5, atol=1e-4)  # mixed to one channel
    (clips,) = all_of(
        load_audio(folder, "train", shuffle=False, clip_seconds=0.1)
    )
    starts = np.array([1, 1001, 2001, 3001])[[2, 3, 0, 1]]  # by path
    expected = (starts[:, None] + 200 + np.arange(100)) / 10_000
    np.testing.assert_allclose(clips[..., 0], expected, atol=1e-6)


def test_short_recordings_are_followed_by_silence(folder):
    (clips,) = all_of(load_audio(folder, "test", clip_seconds=0.5))
    assert (clips[0, :300] > 0.4).all()
    assert (clips[0, 300:] == 0).all()


def test_random_clips_are_a_function_of_seed_and_epoch(folder):
    options = {"clip_seconds": 0.1, "labels": True, "batch_size": 3}

    def first_samples(epochs, seed=0):
        batches = all_of(
            load_audio(folder, epochs=epochs, seed=seed, **options)
        )
        clips = np.concatenate([clips for clips, _ in batches])
        labels = np.concatenate([labels for _, labels in batches])
        np.testing.assert_allclose(np.diff(clips[..., 0]), 1e-4, atol=1e-6)
        is_low = clips[:, 0, 0] < 0.19
        np.testing.assert_array_equal(labels, is_low)  # "high", "low"
        return clips[:, 0, 0]

    both = first_samples(range(2))
    np.testing.assert_array_equal(first_samples(range(1, 2)), both[4:])
    assert len(np.unique(both)) > 5
    assert not np.array_equal(first_samples(range(2), seed=1), both)


def test_recordings_are_resampled_once_said(folder):
    with pytest.warns(UserWarning, match="of 1000 Hz were resampled to 2000"):
        dataset = load_audio(folder, "test", sample_rate=2000, clip_seconds=0.1)
    (clips,) = all_of(dataset)
    assert clips.shape == (1, 200, 1)
    np.testing.assert_allclose(clips, 0.5, atol=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load(folder, "test", sample_rate=RATE, clip_seconds=0.1)


def test_stereo_is_kept(folder):
    options = {"clip_seconds": 0.1, "mono": False}
    (clips,) = all_of(load_audio(folder, "test", **options))
    np.testing.assert_allclose(clips[0, 5], [0.25, 0.75], atol=1e-4)
    with pytest.raises(
        ValueError, match=r"differ in their channels.*mono=True"
    ):
        load_audio(folder, "all", **options)


def test_spoken_digits(real_data_dir):
    options = {"labels": True, "data_dir": real_data_dir, "shuffle": False}
    dataset = data.load(
        "spoken_digit", "train[:40]", clip_seconds=0.5, **options
    )
    clips, labels = next(iter(dataset))
    assert clips.shape == (40, 4000, 1)
    assert 0.01 < np.abs(clips).max() <= 1
    assert len(np.unique(labels)) > 3
    with pytest.raises(ValueError, match="no images but recordings"):
        data.load("spoken_digit", data_dir=real_data_dir)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0), "is empty"),
        (np.zeros(100), "is silent: all 100 samples are 0"),
        (np.full(100, np.nan), "NaN or infinity"),
        (np.ones(5), "too short. Received: 5 samples. Expected at least 10"),
    ],
)
def test_bad_recordings_are_named(samples, message, tmp_path):
    soundfile.write(tmp_path / "bad.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=rf"bad\.wav.*{message}"):
        load_audio(tmp_path, "all", clip_seconds=0.1)


def test_damaged_and_clipped_recordings(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.ones(100), RATE)
    with pytest.warns(UserWarning, match=r"1 recording is clipped.*loud"):
        load_audio(tmp_path, "all", clip_seconds=0.1)
    (tmp_path / "torn.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"torn\.wav is damaged"):
        load_audio(tmp_path, "all", clip_seconds=0.1)


def test_rates_differ(folder):
    soundfile.write(folder / "train" / "low" / "z.wav", np.ones(99) / 2, 999)
    with pytest.raises(ValueError, match=r"z\.wav has 999 Hz.*sample_rate"):
        load_audio(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip_seconds": 0.0}, "clip_seconds=0.0"),
        ({"clip_seconds": float("nan")}, "clip_seconds=nan"),
        ({"clip_seconds": 1, "sample_rate": 0}, "sample_rate=0"),
        ({"clip_seconds": 1, "image_size": 8}, "have no image_size"),
        ({"sample_rate": 8000}, "without `clip_seconds`"),
        ({"clip_seconds": 1, "split": "valid"}, "splits train, test and all"),
        ({"clip_seconds": 1, "mono": 2}, "mono=2"),
    ],
)
def test_bad_arguments(folder, options, message):
    with pytest.raises(ValueError, match=message):
        data.load(folder, **options)
    with pytest.raises(ValueError, match="neither a TFDS data set nor"):
        data.load(os.fspath(folder / "nothing"), clip_seconds=1)
