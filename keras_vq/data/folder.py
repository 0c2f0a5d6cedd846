"""Folders of files: their labels and splits, and how images are read."""

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import re
from typing import ClassVar

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from keras_vq.data import epochs
from keras_vq.data.image import SUFFIXES
from keras_vq.data.image import decode_file
from keras_vq.data.image import fit_image

# One in this many files belongs to the split "test".
_HELD_OUT = 10
_SPLIT = re.compile(r"(train|test|all)(?:\[(\d*):(\d*)\])?")
# Names of the subfolders that are splits.
_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")


@dataclasses.dataclass
class MediaFolder:
    """Base class of the files of one kind in a folder and its subfolders.

    A subclass sets `noun` and `suffixes`. See `ImageFolder`.
    """

    noun: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    directory: pathlib.Path

    def __post_init__(self):
        self.directory = pathlib.Path(self.directory).expanduser()
        self.skipped: collections.Counter[str] = collections.Counter()
        self.paths = []
        for path in sorted(self._files()):
            if path.suffix.lower() in self.suffixes:
                self.paths.append(path)
            else:
                self.skipped[path.suffix.lower() or "without a suffix"] += 1
        if not self.paths:
            raise ValueError(
                f"No {self.noun}s found in the folder {self.directory}. "
                f"Expected files that end in {', '.join(self.suffixes)}, there "
                f"or in subfolders. Found: {self}."
            )
        parts = [path.relative_to(self.directory).parts for path in self.paths]
        tops = {part[0].lower() for part in parts if len(part) > 1}
        has_splits = not tops.isdisjoint(_TRAIN) and not tops.isdisjoint(_TEST)
        self.splits = []
        names = []
        for part in parts:
            top = part[0].lower() if len(part) > 1 else ""
            if has_splits and top in (*_TRAIN, *_TEST):
                self.splits.append("train" if top in _TRAIN else "test")
                part = part[1:]
            elif has_splits:
                self.splits.append("train")
            else:
                self.splits.append(_split_of("/".join(part)))
            names.append(part[0] if len(part) > 1 else "")
        self.class_names = sorted(set(names))
        self.labels = np.array(
            [self.class_names.index(name) for name in names], "int64"
        )

    def __str__(self):
        plural = "s" if len(self.paths) != 1 else ""
        text = f"{len(self.paths)} {self.noun}{plural}"
        if self.skipped:
            each = [f"{n} {name}" for name, n in self.skipped.most_common()]
            text += f", {self.skipped.total()} skipped: {', '.join(each)}"
        return text

    def chosen(self, split):
        """The files of a split.

        Args:
            split: `"train"`, `"test"` or `"all"`, or some files of one, as in
                `"train[:100]"` or `"train[100:200]"`.

        Returns:
            `paths, labels`: list of str, and int64 array.

        Raises:
            ValueError: If the split is unknown or empty.
        """
        match = _SPLIT.fullmatch(split)
        if match is None:
            raise ValueError(
                f"A folder of {self.noun}s has the splits train, test and all, "
                f"and some {self.noun}s of each, as in 'train[:100]'. "
                f"Received: {split=}"
            )
        start, stop = (int(n) if n else None for n in match.groups()[1:])
        indices = [
            i for i, name in enumerate(self.splits) if match[1] in (name, "all")
        ][start:stop]
        if not indices:
            raise ValueError(
                f"No {self.noun} of {self.directory} is in the split "
                f"{match[1]!r}: {self}. Names decide the split; one in "
                f"{_HELD_OUT} is for testing. Add {self.noun}s, sort them into "
                "the subfolders train and test, or use the split 'all'."
            )
        return [str(self.paths[i]) for i in indices], self.labels[indices]

    def _files(self):
        """Paths of all files that are not hidden."""
        seen = set()
        for parent, folders, files in os.walk(self.directory, followlinks=True):
            here = os.path.realpath(parent)
            if here in seen:  # a link to a parent, or a second link
                folders.clear()
                continue
            seen.add(here)
            hidden = [n for n in (*folders, *files) if n.startswith(".")]
            self.skipped["hidden"] += len(hidden)
            folders[:] = sorted(n for n in folders if not n.startswith("."))
            for name in files:
                if not name.startswith("."):
                    yield pathlib.Path(parent, name)
        self.skipped += collections.Counter()  # drops counts of zero


def _split_of(name):
    """Choose the split of a file by its name alone."""
    digest = hashlib.sha256(os.fsencode(name)).digest()
    number = int.from_bytes(digest[:8], "big")
    return "test" if number % _HELD_OUT == 0 else "train"


@dataclasses.dataclass
class ImageFolder(MediaFolder):
    """The image files in a folder and its subfolders, sorted by path.

    Hidden files and folders are skipped. Links are followed. Subfolders called
    `train` and `test` (or `val`) are splits. The first folder below that is the
    class of an image.

    Args:
        directory: str or Path. `~` is the home directory.

    Attributes:
        paths: list of Path.
        splits: list of `"train"` and `"test"`, one per path.
        labels: int64 array, one class per path.
        class_names: list of str.
        skipped: `collections.Counter` of file suffixes, or `"hidden"`.

    Raises:
        ValueError: If there are no images.

    Example:

    ```python
    folder = keras_vq.data.ImageFolder("photos")
    str(folder)  # '56 images, 4 skipped: 3 .heic, 1 hidden'
    ```
    """

    noun = "image"
    suffixes = SUFFIXES


def folder_examples(directory, split, size, channels):
    """Images and labels of a folder, decoded, in a fixed order.

    Every image is decoded once here, so that damaged files are reported before
    training starts.

    Args:
        directory: str, path of the folder; see `ImageFolder`.
        split: `"train"`, `"test"` or `"all"`, or some images of one, as in
            `"train[:100]"`.
        size: `(height, width)` or None.
        channels: 1, 3 or None.

    Returns:
        `examples, shape`: `tf.data.Dataset` of `(uint8 image, int64 label)`,
        and the shape of an image.

    Raises:
        ValueError: If the split is unknown or empty, an image cannot be read,
            or sizes differ and `size` is None.
    """
    paths, labels = ImageFolder(directory).chosen(split)

    def read(path):
        return fit_image(decode_file(path), size, channels or 3).numpy()

    images, shape = _read_all(paths, read, epochs.MEMORY_LIMIT)
    if images is not None:
        return tf.data.Dataset.from_tensor_slices((images, labels)), shape

    def decode(path, label):
        image = tf.numpy_function(
            lambda path: read(os.fsdecode(path)), [path], tf.uint8
        )
        return tf.ensure_shape(image, shape), label

    names = tf.data.Dataset.from_tensor_slices((paths, labels))
    return names.map(decode, tf.data.AUTOTUNE), shape


def _read_all(paths, read, limit):
    """Decode all images: an array, or None if they exceed `limit` bytes."""
    images, shape, num_bytes = [], None, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, image in tqdm(
            zip(paths, pool.map(read, paths), strict=True),
            total=len(paths),
            desc="Reading images",
            delay=2,
            leave=False,
        ):
            shape = shape or image.shape
            if image.shape != shape:
                raise ValueError(
                    f"Images differ in size: {paths[0]} has shape {shape}, "
                    f"{path} has shape {image.shape}. Give `image_size` to "
                    "resize them to one size."
                )
            num_bytes += image.nbytes
            if num_bytes <= limit:
                images.append(image)
            else:
                images.clear()
    return (np.stack(images) if num_bytes <= limit else None), shape
