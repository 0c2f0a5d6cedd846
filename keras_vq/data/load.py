import math
import pathlib

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_number
from keras_vq.checks import check_path
from keras_vq.checks import check_type
from keras_vq.data import epochs as order
from keras_vq.data import moving_mnist
from keras_vq.data.augment import augment
from keras_vq.data.epochs import Memory
from keras_vq.data.epochs import Stream
from keras_vq.data.epochs import in_order
from keras_vq.data.folder import ImageFolder
from keras_vq.data.folder import folder_examples
from keras_vq.data.load_audio import load_audio
from keras_vq.data.load_video import load_video
from keras_vq.data.scenes import builder as scenes
from keras_vq.data.tfds_examples import is_tfds_name
from keras_vq.data.tfds_examples import prepared_builder
from keras_vq.data.tfds_examples import tfds_examples
from keras_vq.data.tfds_examples import unknown_name_error

# What the arguments that are for images alone default to.
_NO_IMAGES = (None, None, False, "image", 1.0, False)


def load(
    name,
    split="train",
    batch_size=128,
    image_size=None,
    channels=None,
    labels=False,
    binarize=False,
    shuffle=None,
    seed=0,
    epochs=None,
    data_dir=None,
    feature="image",
    crop=1.0,
    flip=False,
    sample_rate=None,
    clip_seconds=None,
    mono=True,
    num_frames=None,
):
    """Images in [0, 1] as a shuffled, cached and prefetched `tf.data.Dataset`.

    With `clip_seconds`, clips of recordings, and with `num_frames`, of videos;
    see `load_audio` and `load_video`, whose arguments alone apply then.

    Args:
        name: `"scenes"` (built in, rendered at `image_size` if that is 32, 64,
            128 or 256; `"scenes/64"` renders at 64), the name of a TFDS data
            set of images, or the path of a folder of images, whose subfolders,
            if any, are the classes; see `ImageFolder`. For a folder with the
            name of a data set, give `"./name"`.
        split: str, a TFDS split such as `"train"` or `"test[:1000]"`. For a
            folder, `"train"` is about nine in ten images, chosen by file name,
            `"test"` the others, and `"all"` both; if there are subfolders
            `train` and `test`, these are the splits instead. Defaults to
            `"train"`.
        batch_size: int, images per batch; the last batch may be smaller.
            Defaults to 128.
        image_size: int, `(height, width)` or None, size to resize to, after a
            central crop to its aspect ratio; None keeps the size, which must
            then be the same for all images. Defaults to None.
        channels: 1 for gray, 3 for color, or None to keep the channels.
            Defaults to None.
        labels: bool, whether to yield `(images, labels)`. Defaults to False.
        binarize: bool, whether to sample each value once as 0 or 1, with the
            value as the probability of 1 (static binarization). Defaults to
            False.
        shuffle: bool or None, whether to shuffle each epoch; None shuffles the
            split `"train"` and parts of it. Defaults to None.
        seed: int, seed of the order. Defaults to 0.
        epochs: range or None. None yields one epoch per iteration. A range
            yields those epochs in sequence, each in an order that depends on
            its number and `seed` alone, so that `fit(...,
            steps_per_epoch=...)` can resume. Defaults to None.
        data_dir: str or None, folder of the prepared TFDS data sets; None for
            the environment variable `TFDS_DATA_DIR` or
            `~/tensorflow_datasets`. Defaults to None.
        feature: str, the feature of a TFDS data set that holds the images; for
            `"scenes"` also `"segmentation"`, in colors, `"depth"` or
            `"edges"`. Defaults to `"image"`.
        crop: float in (0, 1], side of random crops as a fraction of the side of
            the image, different in each epoch. The crops have the size
            `image_size`. Defaults to 1.0, the whole image.
        flip: bool, whether to flip images left to right at random. Defaults
            to False.
        sample_rate, clip_seconds, mono: Of recordings; see `load_audio`.
            Default to images.
        num_frames: int or None, frames of a clip of video; see `load_video`.
            Defaults to None, images.

    Returns:
        `tf.data.Dataset` of float32 `(batch, height, width, channels)`, or of
        pairs with int64 `(batch,)`, of known cardinality.

    Raises:
        ValueError: If the name or the split is unknown, there are no images,
            an image cannot be read, or sizes differ and `image_size` is None.
        FileNotFoundError: If the data set is not prepared and cannot be
            downloaded.

    Example:

    >>> images = keras_vq.data.load("scenes", "test", batch_size=16)
    >>> next(iter(images)).shape
    (16, 32, 32, 3)
    """
    if num_frames is not None and (sample_rate, clip_seconds) != (None, None):
        raise ValueError(
            "A clip is of video or of sound. Received: "
            f"{num_frames=}, {sample_rate=} and {clip_seconds=}"
        )
    if clip_seconds is not None:
        given = (image_size, channels, binarize, feature, crop, flip)
        if given != _NO_IMAGES:
            raise ValueError(
                "Recordings have no image_size, channels, binarize, feature, "
                f"crop or flip. Received: {image_size=}, {channels=}, "
                f"{binarize=}, {feature=}, {crop=}, {flip=} with "
                f"{clip_seconds=}"
            )
        return load_audio(
            name,
            split,
            batch_size,
            sample_rate,
            clip_seconds,
            mono,
            labels,
            shuffle,
            seed,
            epochs,
            data_dir,
        )
    if num_frames is not None:
        if (binarize, crop, flip) != (False, 1.0, False):
            raise ValueError(
                "Videos have no binarize, crop or flip. Received: "
                f"{binarize=}, {crop=}, {flip=} with {num_frames=}"
            )
        return load_video(
            name,
            split,
            batch_size,
            num_frames,
            image_size,
            channels,
            labels,
            shuffle,
            seed,
            epochs,
            data_dir,
            "video" if feature == "image" else feature,
        )
    if sample_rate is not None:
        raise ValueError(
            "`sample_rate` is for recordings. Received: "
            f"{sample_rate=} without `clip_seconds`, the length of a clip"
        )
    check_path("name", name)
    check_type("split", split, str, "a split such as 'train'")
    check_int("batch_size", batch_size)
    for flag, value in {
        "labels": labels,
        "binarize": binarize,
        "flip": flip,
        "shuffle": False if shuffle is None else shuffle,
    }.items():
        check_flag(flag, value)
    if data_dir is not None:
        check_path("data_dir", data_dir)
    if channels not in (None, 1, 3):
        raise ValueError(
            f"`channels` must be 1, 3 or None. Received: channels={channels!r}"
        )
    is_int = isinstance(image_size, int) and not isinstance(image_size, bool)
    size = (image_size,) * 2 if is_int else image_size
    if size is not None and not (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(n, int) and n > 0 for n in size)
    ):
        raise ValueError(
            "`image_size` must be a positive integer, two of them, or None. "
            f"Received: image_size={image_size!r}"
        )
    if size is not None:
        check_memory(f"An image of image_size={image_size}", *size, 3)
    check_number("crop", crop, above=0, at_most=1)
    if crop < 1 and size is None:
        raise ValueError(
            "`crop` needs `image_size`, the size of the crops. Received: "
            f"crop={crop}, image_size=None"
        )
    window = size
    if size is not None:
        size = tuple(math.ceil(n / crop) for n in size)
    if is_tfds_name(name):
        examples, shape = tfds_examples(
            name, split, size, channels, labels, data_dir, feature
        )
    elif is_folder(name) and feature != "image":
        raise ValueError(
            "A folder has no feature but 'image'. Received: "
            f"name={str(name)!r}, feature={feature!r}"
        )
    elif is_folder(name):
        examples, shape = folder_examples(name, split, size, channels)
    else:
        raise unknown_name_error(name)

    if len(examples) == 0:
        raise ValueError(
            f"The data set is empty. Received: name={str(name)!r}, "
            f"split={split!r}. Expected at least one image."
        )
    if binarize:
        examples = examples.map(_binarized, tf.data.AUTOTUNE)
    if shuffle is None:
        shuffle = split.startswith("train")
    source: Stream | Memory
    if len(examples) * np.prod(shape) > order.MEMORY_LIMIT:
        source = Stream(examples)
    else:
        source = Memory(_read(examples))

    def augmented(batch, key):
        images, labels = batch
        return augment(images, window or shape[:2], flip, key), labels

    dataset = in_order(
        source,
        shuffle,
        seed,
        epochs,
        batch_size,
        augmented if flip or crop < 1 else None,
    )

    def to_value_range(image, label):
        image = tf.cast(image, tf.float32) / 255.0
        return (image, label) if labels else image

    return dataset.map(to_value_range, tf.data.AUTOTUNE).prefetch(
        tf.data.AUTOTUNE
    )


def _binarized(image, label):
    # The draw depends on the image alone, whatever the part of the split.
    number = tf.strings.to_hash_bucket_fast(
        tf.io.serialize_tensor(image), 2**31 - 1
    )
    draw = tf.random.stateless_uniform(
        tf.shape(image), seed=(0, number), maxval=255
    )
    on = draw < tf.cast(image, tf.float32)
    return tf.where(on, tf.constant(255, image.dtype), 0), label


def _read(examples):
    batches = tqdm(
        examples.batch(256).as_numpy_iterator(),
        total=-(-len(examples) // 256),
        desc="Reading images",
        unit="batch",
        delay=2,
        leave=False,
    )
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def is_folder(name):
    """Whether `load` interprets `name` as a folder of images."""
    return pathlib.Path(name).expanduser().is_dir() and not is_tfds_name(name)


def num_examples(name, split, data_dir=None, folder=ImageFolder):
    """int, the examples of a complete split of the data that `load` reads.

    Args:
        name, split, data_dir: See `load`.
        folder: Class of a folder of such data. Defaults to `ImageFolder`.

    Raises:
        ValueError: If the name or the split is unknown.
    """
    if is_folder(name):
        return len(folder(name).chosen(split)[0])
    name = "mnist" if str(name) == moving_mnist.NAME else name
    if not is_tfds_name(name):
        raise unknown_name_error(name)
    builder = prepared_builder(name, None, data_dir)
    counts = {
        each: info.num_examples
        for each, info in (builder.info.splits or {}).items()
    } or scenes.NUM_EXAMPLES
    if split not in counts:
        raise ValueError(
            f"The data set {name!r} has the splits {', '.join(counts)}. "
            f"Received: split={split!r}"
        )
    return counts[split]


def split_names(name, data_dir=None):
    """list of str, the splits of the data that `load` calls `name`."""
    name = "mnist" if str(name) == moving_mnist.NAME else name
    if is_folder(name):
        return ["train", "test"]
    if not is_tfds_name(name):
        raise unknown_name_error(name)
    builder = prepared_builder(name, None, data_dir)
    return list(builder.info.splits or scenes.NUM_EXAMPLES)
