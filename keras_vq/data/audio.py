"""Read recordings, resampled and mixed."""

import dataclasses

import numpy as np

from keras_vq.data.folder import MediaFolder
from keras_vq.extras import require
from keras_vq.saving.files import written_whole

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")


@dataclasses.dataclass
class AudioFolder(MediaFolder):
    """The recordings in a folder and its subfolders; see `ImageFolder`.

    Args:
        directory: str or Path. `~` is the home directory.

    Raises:
        ValueError: If there are no recordings.

    Example:

    ```python
    folder = keras_vq.data.AudioFolder("voices")
    str(folder)  # '120 recordings, 1 skipped: 1 .txt'
    ```
    """

    noun = "recording"
    suffixes = SUFFIXES


def read_audio(path):
    """Read one recording.

    Args:
        path: str or Path of a WAV, FLAC, OGG, MP3 or AIFF file.

    Returns:
        `samples, sample_rate`: float32 NumPy array `(time, channels)` in
        [-1, 1], and int.

    Raises:
        ImportError: If soundfile is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be decoded.
    """
    require("Reading recordings", "soundfile")
    import soundfile

    try:
        return soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        with open(path, "rb"):  # raises if it is not there, or not readable
            pass
        raise ValueError(
            f"{path} is damaged or not a recording: {error}"
        ) from error


def resampled(samples, sample_rate, wanted):
    """Resample a recording.

    Args:
        samples: float32 array `(time, channels)`.
        sample_rate: int, its samples per second.
        wanted: int, samples per second to convert to.

    Returns:
        float32 array `(time * wanted / sample_rate, channels)`.

    Raises:
        ImportError: If soxr is not installed and the rates differ.
    """
    if sample_rate == wanted:
        return samples
    require("Resampling", "soxr")
    import soxr

    return soxr.resample(samples, sample_rate, wanted)


def read_clip(path, sample_rate, shape):
    """Read the beginning of one recording.

    Args:
        path: str or Path.
        sample_rate: int, samples per second to resample to.
        shape: tuple `(time, channels)` of the clip. Shorter recordings are
            followed by silence; one channel is the mean of all.

    Returns:
        float32 NumPy array of that shape.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be decoded, is empty, silent or not
            finite, or has another number of channels.
    """
    time, channels = shape
    samples, rate = read_audio(path)
    check_recording(samples, path, 1)
    if channels == 1:
        samples = samples.mean(axis=1, keepdims=True)
    if samples.shape[1] != channels:
        raise ValueError(
            f"{path} has {samples.shape[1]} channels. Expected {channels}."
        )
    samples = resampled(samples, rate, sample_rate)[:time]
    return np.pad(samples, [(0, time - len(samples)), (0, 0)])


def write_audio(path, samples, sample_rate):
    """Write a WAV file of 16 bits.

    Args:
        path: str or Path, which ends in `.wav`.
        samples: float array `(time, channels)` in [-1, 1].
        sample_rate: int, samples per second.

    Raises:
        ImportError: If soundfile is not installed.
    """
    require("Writing recordings", "soundfile")
    import soundfile

    with written_whole(path) as temporary:
        soundfile.write(temporary, samples, sample_rate, subtype="PCM_16")


def check_recording(samples, name, shortest):
    """Raise unless a recording can be trained on.

    Args:
        samples: float array `(time, channels)`.
        name: str, of the file or the example.
        shortest: int, the least number of samples.

    Raises:
        ValueError: If it is empty, silent, too short, or not finite.
    """
    if len(samples) == 0:
        raise ValueError(f"{name} is empty. Received: no samples")
    if not np.isfinite(samples).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    if not samples.any():
        raise ValueError(f"{name} is silent: all {len(samples)} samples are 0.")
    if len(samples) < shortest:
        raise ValueError(
            f"{name} is too short. Received: {len(samples)} samples. Expected "
            f"at least {shortest}, a tenth of a clip. Remove it, or give a "
            "smaller `clip_seconds`."
        )
