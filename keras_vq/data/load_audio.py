import os
import warnings

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm.auto import tqdm

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_path
from keras_vq.checks import check_type
from keras_vq.data import epochs as order
from keras_vq.data.audio import AudioFolder
from keras_vq.data.audio import check_recording
from keras_vq.data.audio import read_audio
from keras_vq.data.audio import resampled
from keras_vq.data.tfds_examples import examples_with
from keras_vq.data.tfds_examples import is_tfds_name
from keras_vq.data.tfds_examples import unknown_name_error

# Share of the samples at full scale from which a recording counts as clipped.
_CLIPPED = 0.01


def load_audio(
    name,
    split="train",
    batch_size=32,
    sample_rate=None,
    clip_seconds=1.0,
    mono=True,
    labels=False,
    shuffle=None,
    seed=0,
    epochs=None,
    data_dir=None,
):
    """Clips of recordings in [-1, 1] as a shuffled `tf.data.Dataset`.

    Where the order is shuffled, each epoch takes another random clip of each
    recording; otherwise it is the one in the middle. Recordings shorter than a
    clip are followed by silence. All recordings are held in memory.

    Args:
        name: Name of a TFDS data set of recordings, such as `"spoken_digit"`,
            or the path of a folder of WAV, FLAC, OGG, MP3 or AIFF files; its
            subfolders, if any, are the classes.
        split: str; see `keras_vq.data.load`. Defaults to `"train"`.
        batch_size: int, clips per batch; the last batch may be smaller.
            Defaults to 32.
        sample_rate: int or None, samples per second to resample to; None keeps
            the rate, which must then be the same everywhere. Defaults to None.
        clip_seconds: float > 0, length of a clip. Defaults to 1.0.
        mono: bool, whether to mix the channels to one. Defaults to True.
        labels: bool, whether to yield `(clips, labels)`. Defaults to False.
        shuffle, seed, epochs, data_dir: See `keras_vq.data.load`.

    Returns:
        `tf.data.Dataset` of float32 `(batch, time, channels)`, or of pairs with
        int64 `(batch,)`, of known cardinality.

    Raises:
        ValueError: If the name or the split is unknown, there is no recording,
            or one is damaged, empty, silent, too short or not finite.
        FileNotFoundError: If the data set is not prepared and cannot be
            downloaded.
        ImportError: If a package is missing; `pip install 'keras_vq[audio]'`.

    Example:

    ```python
    clips = keras_vq.data.load_audio("voices", "all", clip_seconds=0.5)
    next(iter(clips)).shape  # (32, 4000, 1) at 8,000 samples per second
    ```
    """
    check_path("name", name)
    check_type("split", split, str, "a split such as 'train'")
    check_number("clip_seconds", clip_seconds, above=0)
    for flag, value in {"mono": mono, "labels": labels}.items():
        check_flag(flag, value)
    if sample_rate is not None:
        check_int("sample_rate", sample_rate)
    if is_tfds_name(name):
        recordings = _of_tfds(name, split, labels, data_dir)
    elif os.path.isdir(os.path.expanduser(name)):
        recordings = _of_folder(name, split)
    else:
        raise unknown_name_error(name)
    samples, lengths, classes, rate = _read(
        recordings, sample_rate, clip_seconds, mono
    )
    clip = max(round(clip_seconds * rate), 1)
    if shuffle is None:
        shuffle = split.startswith("train")
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    flat = tf.constant(samples)

    def clips(batch, seed=None):
        """Cut a clip from each recording, at random with a seed."""
        first, length, label = batch
        spare = tf.maximum(length - clip, 0)
        if seed is None:
            offset = spare // 2
        else:
            draws = tf.random.stateless_uniform(tf.shape(spare), seed)
            offset = tf.cast(draws * tf.cast(spare + 1, tf.float32), tf.int64)
        within = offset[:, None] + tf.range(clip, dtype=tf.int64)
        is_there = within < length[:, None]
        index = tf.where(is_there, first[:, None] + within, 0)
        values = tf.gather(flat, index)
        return tf.where(is_there[..., None], values, 0.0), label

    dataset = order.in_order(
        order.Memory([starts.astype("int64"), lengths, classes]),
        shuffle,
        seed,
        epochs,
        batch_size,
        clips if shuffle else None,
    )
    if not shuffle:
        dataset = dataset.map(lambda *batch: clips(batch), tf.data.AUTOTUNE)
    if not labels:
        dataset = dataset.map(lambda clips, label: clips, tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _of_tfds(name, split, labels, data_dir):
    """Yield name, samples, rate and label of each recording."""
    examples, features = examples_with(
        name,
        split,
        None,
        data_dir,
        {"audio": tfds.features.Audio},
        ["label"] if labels else [],
    )
    rate = features["audio"].sample_rate
    for number, example in enumerate(examples.as_numpy_iterator()):
        audio = example["audio"]
        if np.issubdtype(audio.dtype, np.integer):
            audio = audio / 2.0**15
        audio = audio.reshape(len(audio), -1).astype("float32")
        label = example["label"] if labels else 0
        yield f"Recording {number} of {name!r}", audio, rate, label


def _of_folder(directory, split):
    paths, labels = AudioFolder(directory).chosen(split)
    for path, label in zip(paths, labels, strict=True):
        yield path, *read_audio(path), label


def _read(recordings, sample_rate, clip_seconds, mono):
    """All recordings, one after the other, with their lengths and labels."""
    parts: list[np.ndarray] = []
    classes, rates, clipped, rate = [], set(), [], sample_rate
    for name, samples, found, label in tqdm(
        recordings, desc="Reading recordings", delay=2, leave=False
    ):
        if found is None and sample_rate is None:
            raise ValueError(
                f"{name} has an unknown sample rate. Give `sample_rate`."
            )
        rate, found = rate or found, found or rate
        rates.add(found)
        if sample_rate is None and found != rate:
            raise ValueError(
                f"Recordings differ in their sample rates: {name} has {found} "
                f"Hz, those before it {rate} Hz. Give `sample_rate` to "
                "resample them."
            )
        shortest = round(clip_seconds * found / 10)
        check_recording(samples, name, shortest)
        if np.mean(np.abs(samples) >= 1 - 2.0**-15) >= _CLIPPED:
            clipped.append(name)
        if mono:
            samples = samples.mean(axis=1, keepdims=True)
        if parts and samples.shape[1] != parts[0].shape[1]:
            raise ValueError(
                f"Recordings differ in their channels: {name} has "
                f"{samples.shape[1]}, those before it {parts[0].shape[1]}. "
                "Give mono=True to mix them to one."
            )
        parts.append(resampled(samples, found, rate))
        classes.append(label)
    if not parts:
        raise ValueError("The data set is empty. Received: no recording.")
    others = ", ".join(map(str, sorted(rates - {rate})))
    if others:
        warnings.warn(
            f"Recordings of {others} Hz were resampled to {rate} Hz.",
            stacklevel=3,
        )
    if clipped:
        verb = "recording is" if len(clipped) == 1 else "recordings are"
        warnings.warn(
            f"{len(clipped)} {verb} clipped, with a hundredth of the samples "
            f"or more at full scale, such as {clipped[0]}.",
            stacklevel=3,
        )
    lengths = np.array([len(part) for part in parts], "int64")
    return np.concatenate(parts), lengths, np.array(classes, "int64"), rate
