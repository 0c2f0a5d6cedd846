import pathlib
import re

import keras
import numpy as np
import tensorflow as tf
import tqdm

from keras_vq.data.image import decode_file
from keras_vq.data.image import fit_image

_HELD_OUT = 10  # one image in this many belongs to the split "test"
_SPLIT = re.compile(r"(train|test|all)(?:\[:(\d+)\])?")


def folder_examples(directory, split, size, channels):
    """Images and labels of a folder, decoded, in a fixed order.

    Every image is decoded once here, so that a corrupt one is named before
    training starts.

    Args:
        directory: str, path of the folder; images in its sub-folders count,
            and the sub-folders are the classes.
        split: `"train"`, `"test"` or `"all"`, or the first of them, as in
            `"train[:100]"`.
        size: `(height, width)` or None.
        channels: 1, 3 or None.

    Returns:
        `examples, shape`: `tf.data.Dataset` of `(uint8 image, int64 label)`,
        and the shape of an image.
    """
    parts = _SPLIT.fullmatch(split)
    if parts is None:
        raise ValueError(
            "A folder of images has the splits train, test and all, and the "
            f"first of them as in 'train[:100]'. Received: split={split!r}"
        )
    paths = _image_paths(directory)
    folders = [str(pathlib.Path(path).parent) for path in paths]
    classes = sorted(set(folders))
    labels = np.array([classes.index(f) for f in folders], "int64")
    order = np.random.default_rng(0).permutation(len(paths))
    held_out = len(paths) // _HELD_OUT or min(1, len(paths) - 1)
    chosen = {
        "train": np.sort(order[held_out:]),
        "test": np.sort(order[:held_out]),
        "all": np.arange(len(paths)),
    }[parts[1]][: int(parts[2]) if parts[2] else None]
    paths = [paths[i] for i in chosen]

    def decode(path, label):
        image = decode_file(path)
        return fit_image(image, size, channels or 3), label

    names = tf.data.Dataset.from_tensor_slices((paths, labels[chosen]))
    examples = names.map(decode, tf.data.AUTOTUNE)
    return examples, _common_shape(examples, paths, decode, size)


def _image_paths(directory):
    try:
        listing = keras.utils.image_dataset_from_directory(
            directory,
            labels=None,
            batch_size=None,
            shuffle=False,
            verbose=False,
        )
    except ValueError as error:
        raise ValueError(
            f"No images found in the folder {directory}. Expected files that "
            "end in .png, .jpg, .jpeg, .bmp or .gif, there or in sub-folders."
        ) from error
    return listing.file_paths


def _common_shape(examples, paths, decode, size):
    """Decode everything once: the shape of the images, or what is wrong."""
    progress = tqdm.tqdm(
        total=len(paths), desc="Checking images", delay=2, leave=False
    )
    first = None
    done = 0
    try:
        for image, _ in examples:
            first = first or (done, tuple(image.shape))
            if tuple(image.shape) != first[1]:
                raise ValueError(
                    f"The images in {pathlib.Path(paths[0]).parent} differ in "
                    f"size: {paths[first[0]]} has shape {first[1]}, "
                    f"{paths[done]} has shape {tuple(image.shape)}. Give "
                    "`image_size` to resize them to one size."
                )
            done += 1
            progress.update()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"Cannot read the image {_first_corrupt(paths, decode)}. Expected "
            "a PNG, JPEG, BMP or GIF file. Repair or remove it."
        ) from error
    finally:
        progress.close()
    return first[1] if first else (*(size or (0, 0)), 0)


def _first_corrupt(paths, decode):
    for path in paths:
        try:
            decode(path, 0)
        except tf.errors.InvalidArgumentError:
            return path
    return f"somewhere among {paths[0]} to {paths[-1]}"
