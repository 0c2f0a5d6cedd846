"""Codes in shards: parts of a data set that are encoded on their own.

A shard is read, encoded and written by one process, whichever it is: its file
depends on the tokenizer and the data alone.
"""

import dataclasses
import json
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_vq.data.audio import AudioFolder
from keras_vq.data.encoded import encode
from keras_vq.data.encoded import load_conditions
from keras_vq.data.encoded import load_inputs
from keras_vq.data.folder import ImageFolder
from keras_vq.data.load import num_examples
from keras_vq.data.video import VideoFolder
from keras_vq.saving.files import read_json
from keras_vq.saving.files import written_whole

NAME = "codes"
FILE_FORMATS = ("tfrecord", "array_record")
_FOLDERS = {2: AudioFolder, 3: ImageFolder, 4: VideoFolder}


@dataclasses.dataclass(frozen=True)
class Shard:
    """Consecutive examples of a split.

    Args:
        split: str.
        number: int, from 0.
        count: int, shards of the split.
        start, stop: int, the range of its examples.
    """

    split: str
    number: int
    count: int
    start: int
    stop: int

    def file_name(self, file_format):
        """str, as TFDS calls it."""
        numbers = f"{self.number:05d}-of-{self.count:05d}"
        return f"{NAME}-{self.split}.{file_format}-{numbers}"

    @property
    def record_name(self):
        """str, the file that says that the shard is complete."""
        return f"{self.split}-{self.number:05d}.json"


@dataclasses.dataclass(frozen=True)
class Source:
    """Data to encode.

    Args:
        name: See `keras_vq.data.load`.
        input_shape: tuple of int, of the tokenizer.
        condition_shape: tuple of int, of the tokenizer of the condition, or
            None.
        condition: str or None, the feature that it encodes.
        labels: bool, whether to read labels.
        skip_broken: bool, whether examples that cannot be read are left out.
        options: dict, further arguments of `keras_vq.data.load`.
    """

    name: Any
    input_shape: tuple
    condition_shape: tuple | None
    condition: str | None
    labels: bool
    skip_broken: bool
    options: dict

    def shards(self, splits, shard_size):
        """list of `Shard`, those of the splits."""
        folder = _FOLDERS[len(self.input_shape)]
        found = []
        for split in splits:
            total = num_examples(
                self.name, split, self.options.get("data_dir"), folder
            )
            count = -(-total // shard_size)
            found += [
                Shard(split, i, count, start, min(start + shard_size, total))
                for i, start in enumerate(range(0, total, shard_size))
            ]
        return found

    def read(self, shard):
        """The examples of a shard.

        Returns:
            `Examples`.

        Raises:
            ValueError: If an example cannot be read, unless those are skipped.
        """
        try:
            return self._range(shard.split, shard.start, shard.stop)
        except ValueError:
            if not self.skip_broken:
                raise
        parts, broken = [], []
        for i in range(shard.start, shard.stop):
            try:
                parts.append(self._range(shard.split, i, i + 1))
            except ValueError as error:
                broken.append(f"{shard.split}[{i}]: {error}")
        return Examples.joined(parts, broken)

    def _range(self, split, start, stop):
        part = f"{split}[{start}:{stop}]"
        arguments = (self.name, part)
        loaded = load_inputs(
            self.input_shape, *arguments, labels=self.labels, **self.options
        )
        batches = list(loaded.as_numpy_iterator())
        if self.labels:
            images, labels = map(np.concatenate, zip(*batches, strict=True))
        else:
            images = np.concatenate(batches)
            labels = np.zeros(len(images), "int64")
        conditions = None
        if self.condition_shape is not None:
            pictures = load_conditions(
                self.condition_shape,
                *arguments,
                self.condition,
                **self.options,
            )
            conditions = np.concatenate(list(pictures.as_numpy_iterator()))
        return Examples(images, conditions, labels, [])


@dataclasses.dataclass
class Examples:
    """Inputs of a tokenizer, conditions or None, labels, and broken ones."""

    inputs: Any
    conditions: Any
    labels: Any
    broken: list

    @classmethod
    def joined(cls, parts, broken):
        """Those of several parts; None if there are none."""
        if not parts:
            return cls(None, None, [], broken)
        conditions = None
        if parts[0].conditions is not None:
            conditions = np.concatenate([part.conditions for part in parts])
        return cls(
            np.concatenate([part.inputs for part in parts]),
            conditions,
            np.concatenate([part.labels for part in parts]),
            broken,
        )

    def without_inputs(self):
        """`Examples`, the labels and the broken ones alone."""
        return Examples(None, None, self.labels, self.broken)

    def encoded(self, tokenizer, condition_tokenizer):
        """list of arrays, the maps of codes, that of the condition last."""
        if self.inputs is None:
            return []
        return encode(
            tokenizer, condition_tokenizer, self.inputs, self.conditions
        )


def code_features(maps):
    """`tfds.features.FeaturesDict` of an example.

    Args:
        maps: list of `(shape, num_embeddings)`.
    """
    features = {
        f"codes_{i}": tfds.features.Tensor(shape=shape, dtype=np.int32)
        for i, (shape, _) in enumerate(maps)
    }
    features["label"] = tfds.features.Scalar(np.int64)
    return tfds.features.FeaturesDict(features)


def write_shard(folder, records, shard, file_format, maps, examples):
    """Write a shard, then its record.

    Args:
        folder, records: Path, of the files and of the records.
        shard: `Shard`.
        file_format: str, of `FILE_FORMATS`.
        maps: list of int arrays `(examples, ...)`, the codes.
        examples: `Examples`, whose labels are written.
    """
    labels, broken = examples.labels, examples.broken
    num_bytes = 0
    with written_whole(folder / shard.file_name(file_format)) as temporary:
        writer = _writer(temporary, file_format)
        try:
            for i, label in enumerate(labels):
                codes = {f"codes_{m}": codes[i] for m, codes in enumerate(maps)}
                example = _serialized({**codes, "label": label})
                num_bytes += len(example)
                writer.write(example)
        finally:
            writer.close()
    record = {"count": len(labels), "bytes": num_bytes, "broken": broken}
    with written_whole(records / shard.record_name) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")


def _writer(path, file_format):
    if file_format == "tfrecord":
        return tf.io.TFRecordWriter(str(path))
    from array_record.python import array_record_module

    return array_record_module.ArrayRecordWriter(str(path), "group_size:1")


def _serialized(example):
    feature = {
        name: tf.train.Feature(
            int64_list=tf.train.Int64List(value=np.ravel(values))
        )
        for name, values in example.items()
    }
    features = tf.train.Features(feature=feature)
    return tf.train.Example(features=features).SerializeToString(
        deterministic=True
    )


def write_metadata(folder, records, shards, file_format, maps, name):
    """Make a folder of shards one that TFDS reads.

    Args:
        folder, records, file_format: See `write_shard`.
        shards: list of `Shard`, all of them.
        maps: See `code_features`.
        name: Name of the data.

    Returns:
        list of str, what could not be read.
    """
    found = {shard: read_json(records / shard.record_name) for shard in shards}
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name=NAME, filetype_suffix=file_format
    )
    splits = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[
                found[shard]["count"]
                for shard in shards
                if shard.split == split
            ],
            num_bytes=sum(
                found[shard]["bytes"]
                for shard in shards
                if shard.split == split
            ),
            filename_template=template.replace(split=split),
        )
        for split in dict.fromkeys(shard.split for shard in shards)
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=code_features(maps),
        split_infos=splits,
        check_data=False,
        description=f"Codes of {name}.",
    )
    return [line for record in found.values() for line in record["broken"]]
