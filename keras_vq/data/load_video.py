import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm.auto import tqdm

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_path
from keras_vq.checks import check_type
from keras_vq.data import epochs as order
from keras_vq.data import moving_mnist
from keras_vq.data.image import fit_image
from keras_vq.data.tfds_examples import examples_with
from keras_vq.data.tfds_examples import is_tfds_name
from keras_vq.data.tfds_examples import unknown_name_error
from keras_vq.data.video import VideoFolder
from keras_vq.data.video import check_video
from keras_vq.data.video import read_video

# Of the frames of Moving MNIST, if no size is given.
_SIZE = (64, 64)


def load_video(
    name,
    split="train",
    batch_size=32,
    num_frames=16,
    image_size=None,
    channels=None,
    labels=False,
    shuffle=None,
    seed=0,
    epochs=None,
    data_dir=None,
    feature="video",
):
    """Clips of videos in [0, 1] as a shuffled `tf.data.Dataset`.

    Where the order is shuffled, each epoch takes another random clip of each
    video; otherwise it is the first one. All frames are held in memory.

    Args:
        name: `"moving_mnist"`, two digits of MNIST that bounce in a square,
            made from `"mnist"`; the name of another TFDS data set of videos; or
            the path of a folder of GIF, MP4, WebM, MOV, MKV or AVI files, whose
            subfolders, if any, are the classes.
        split: str; see `keras_vq.data.load`. Defaults to `"train"`.
        batch_size: int, clips per batch; the last batch may be smaller.
            Defaults to 32.
        num_frames: int >= 1, frames of a clip. Defaults to 16.
        image_size: int, `(height, width)` or None; see `keras_vq.data.load`.
            Defaults to None, 64 for `"moving_mnist"`.
        channels: 1, 3 or None; see `keras_vq.data.load`. Defaults to None.
        labels: bool, whether to yield `(clips, labels)`. The label of a clip
            of `"moving_mnist"` has its two digits, the smaller one first: 38
            for 8 and 3. Defaults to False.
        shuffle, seed, epochs, data_dir: See `keras_vq.data.load`.
        feature: str, the feature of a TFDS data set that holds the videos.
            Defaults to `"video"`.

    Returns:
        `tf.data.Dataset` of float32 `(batch, num_frames, height, width,
        channels)`, or of pairs with int64 `(batch,)`, of known cardinality.

    Raises:
        ValueError: If the name or the split is unknown, there is no video, or
            one is damaged or too short, or sizes differ and `image_size` is
            None.
        FileNotFoundError: If the data set is not prepared and cannot be
            downloaded.
        ImportError: If a package is missing; `pip install 'keras_vq[video]'`.

    Example:

    ```python
    clips = keras_vq.data.load_video("videos", "all", num_frames=8)
    next(iter(clips)).shape  # (32, 8, 64, 64, 3)
    ```
    """
    check_path("name", name)
    check_type("split", split, str, "a split such as 'train'")
    check_int("num_frames", num_frames)
    check_flag("labels", labels)
    if channels not in (None, 1, 3):
        raise ValueError(
            f"`channels` must be 1, 3 or None. Received: channels={channels!r}"
        )
    size = image_size
    if isinstance(image_size, int):
        size = (check_int("image_size", image_size),) * 2
    if shuffle is None:
        shuffle = split.startswith("train")
    read = _moving_mnist if str(name) == moving_mnist.NAME else _videos
    source, clips = read(
        name, split, num_frames, size, channels, labels, data_dir, feature
    )
    dataset = order.in_order(
        source, shuffle, seed, epochs, batch_size, clips if shuffle else None
    )
    if not shuffle:
        dataset = dataset.map(lambda *batch: clips(batch), tf.data.AUTOTUNE)

    def to_value_range(clips, label):
        clips = tf.cast(clips, tf.float32) / 255.0
        return (clips, label) if labels else clips

    return dataset.map(to_value_range, tf.data.AUTOTUNE).prefetch(
        tf.data.AUTOTUNE
    )


def _moving_mnist(
    name, split, num_frames, size, channels, labels, data_dir, feature
):
    """Digits in memory, and the function that lets a batch of them move."""
    examples, _ = examples_with(
        "mnist", split, None, data_dir, {"image": tfds.features.Image}
    )
    size = size or _SIZE
    if min(size) < moving_mnist.DIGIT_SIZE:
        raise ValueError(
            f"Digits of {moving_mnist.DIGIT_SIZE} pixels move in frames of at "
            f"least {moving_mnist.DIGIT_SIZE} pixels. Received: image_size="
            f"{size}"
        )
    batches = examples.batch(1000).as_numpy_iterator()
    if len(examples) == 0:
        raise ValueError(
            f"The data set is empty. Received: name={name!r}, {split=}"
        )
    images, classes = map(
        np.concatenate,
        zip(*((batch["image"], batch["label"]) for batch in batches)),
    )
    numbers = np.arange(len(images), dtype="int64")
    partners = moving_mnist.partners(len(images))
    pair = np.stack([classes, classes[partners]])
    classes = 10 * pair.min(axis=0) + pair.max(axis=0)
    source = order.Memory([images, images[partners], numbers, classes])

    def clips(batch, seed=(0, 0)):
        first, second, number, label = batch
        seeds = tf.cast(
            tf.stack([number, tf.zeros_like(number)], axis=1), tf.int32
        )
        # Steps of four, since a seed also gives those next to it.
        seeds = 4 * seeds + tf.cast(seed, tf.int32)
        frames = moving_mnist.clips_of(first, second, seeds, num_frames, size)
        if channels == 3:
            frames = tf.repeat(frames, 3, axis=-1)
        return frames, label

    return source, clips


def _videos(name, split, num_frames, size, channels, labels, data_dir, feature):
    """Frames in memory, and the function that cuts clips from them."""
    if is_tfds_name(name):
        videos = _of_tfds(
            name, split, size, channels, labels, data_dir, feature
        )
    elif os.path.isdir(os.path.expanduser(name)):
        videos = _of_folder(name, split, size, channels)
    else:
        raise unknown_name_error(name)
    frames: list[np.ndarray] = []
    classes = []
    for path, video, label in tqdm(
        videos, desc="Reading videos", unit="video", delay=2, leave=False
    ):
        check_video(video, path, num_frames)
        if frames and video.shape[1:] != frames[0].shape[1:]:
            raise ValueError(
                f"Videos differ in size: {path} has frames of shape "
                f"{video.shape[1:]}, those before it {frames[0].shape[1:]}. "
                "Give `image_size` to resize them to one size."
            )
        frames.append(video)
        classes.append(label)
    if not frames:
        raise ValueError("The data set is empty. Received: no video.")
    lengths = np.array([len(video) for video in frames], "int64")
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype("int64")
    flat = tf.constant(np.concatenate(frames))
    source = order.Memory([starts, lengths, np.array(classes, "int64")])

    def clips(batch, seed=None):
        """Cut a clip from each video, at random with a seed."""
        first, length, label = batch
        if seed is not None:
            draws = tf.random.stateless_uniform(tf.shape(length), seed)
            spare = tf.cast(length - num_frames + 1, tf.float32)
            first = first + tf.cast(draws * spare, tf.int64)
        within = tf.range(num_frames, dtype=tf.int64)
        return tf.gather(flat, first[:, None] + within), label

    return source, clips


def _of_folder(name, split, size, channels):
    """Yield path, frames and label of each video."""
    paths, labels = VideoFolder(name).chosen(split)
    for path, label in zip(paths, labels, strict=True):
        yield path, read_video(path, size, channels or 3), label


def _of_tfds(name, split, size, channels, labels, data_dir, feature):
    """Yield name, frames and label of each video."""
    examples, _ = examples_with(
        name,
        split,
        None,
        data_dir,
        {feature: tfds.features.Video},
        ["label"] if labels else [],
    )
    for number, example in enumerate(examples):
        frames = [
            fit_image(frame, size, channels) for frame in example[feature]
        ]
        label = int(example["label"]) if labels else 0
        yield f"Video {number} of {name}", np.stack(frames), label
