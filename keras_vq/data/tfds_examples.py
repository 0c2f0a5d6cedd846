import os
import socket

import tensorflow as tf
import tensorflow_datasets as tfds

from keras_vq.data import scenes
from keras_vq.data.image import fit_image
from keras_vq.did_you_mean import did_you_mean

_KINDS = {
    tfds.features.Audio: "recording",
    tfds.features.Image: "picture",
    tfds.features.Text: "text",
    tfds.features.Video: "video",
}
_DOWNLOAD_HOST = ("storage.googleapis.com", 443)


def is_tfds_name(name):
    """Whether `name` is that of a TFDS data set, `scenes` included."""
    base, _, config = os.fspath(name).partition("/")
    try:
        builder = tfds.builder_cls(base.partition(":")[0])
    except (tfds.core.DatasetNotFoundError, ValueError):
        return False
    return config in ("", *builder.builder_configs) or not os.path.isdir(name)


def unknown_name_error(name):
    """The error for a name that is neither a data set nor a folder."""
    known = tfds.list_builders(with_community_datasets=False)
    hint = did_you_mean(_base_name(name), known)
    return ValueError(
        f"Unknown data set. Received: name={str(name)!r}, which is neither a "
        f"TFDS data set nor a folder.{hint} 'scenes' is built in and needs no "
        "download."
    )


def tfds_examples(name, split, size, channels, labels, data_dir, feature):
    """Images and labels of a TFDS data set, decoded, in a fixed order.

    Args:
        name: str, such as `"mnist"`, `"cifar10:3.0.2"` or `"scenes/64"`.
        split: str, in the split syntax of TFDS.
        size: `(height, width)` or None.
        channels: 1, 3 or None.
        labels: bool, whether to read labels; otherwise they are zeros.
        data_dir: str or None, where data sets are prepared.
        feature: str, name of the feature that holds the images.

    Returns:
        `examples, shape`: `tf.data.Dataset` of `(uint8 image, int64 label)`,
        and the shape of an image.
    """
    examples, features = examples_with(
        name,
        split,
        size,
        data_dir,
        {feature: tfds.features.Image},
        ["label"] if labels else [],
    )
    is_scenes = _base_name(name) == "scenes"
    height, width, depth = features[feature].shape
    if is_scenes and feature == "segmentation":
        depth = 3
    if size is None and (height is None or width is None):
        raise ValueError(
            f"The images of {name!r} differ in size. Received: image_size="
            "None. Give `image_size` to resize them to one size."
        )

    def to_pair(example):
        label = example["label"] if labels else tf.zeros((), tf.int64)
        image = example[feature]
        if is_scenes:
            image = scenes.as_picture(feature, image)
        return fit_image(image, size, channels), label

    shape = (*(size or (height, width)), channels or depth)
    return examples.map(to_pair, tf.data.AUTOTUNE), shape


def examples_with(name, split, size, data_dir, types, others=()):
    """Examples of a TFDS data set that has certain features.

    Args:
        name, split, size, data_dir: See `tfds_examples`.
        types: dict, names of features to their classes, `tfds.features.Image`,
            `Text`, `Audio` or `Video`.
        others: Names of features of any class. Defaults to none.

    Returns:
        `examples, features`: `tf.data.Dataset` of dicts, and the features.

    Raises:
        ValueError: If there is no such feature or split.
    """
    builder = prepared_builder(name, size, data_dir)
    features = builder.info.features
    for needed in (*types, *others):
        if needed not in features:
            if needed == "image" and "audio" in features:
                raise ValueError(
                    f"The data set {name!r} has no images but recordings. "
                    f"Received: features {', '.join(features)}. Give "
                    "`clip_seconds` to load clips of them."
                )
            raise ValueError(
                f"The data set {name!r} has no {needed}s. Received: features "
                f"{', '.join(features)}. Expected one named {needed!r}."
            )
    for feature, expected in types.items():
        if not isinstance(features[feature], expected):
            raise ValueError(
                f"The feature {feature!r} of the data set {name!r} is no "
                f"{_KINDS[expected]}. Received: feature={feature!r}, a "
                f"{type(features[feature]).__name__}"
            )
    is_scenes = _base_name(name) == "scenes"
    try:
        examples = (
            _scenes_examples(builder, split, {*types, "label"})
            if is_scenes
            else _stored_examples(builder, split)
        )
    except ValueError as error:
        known = scenes.NUM_EXAMPLES if is_scenes else builder.info.splits
        raise ValueError(
            f"The data set {name!r} has the splits {', '.join(known)}, and "
            f"parts of them such as 'train[:1000]'. Received: split={split!r}"
        ) from error
    return examples, features


def _stored_examples(builder, split):
    return builder.as_dataset(
        split=split,
        read_config=tfds.ReadConfig(interleave_cycle_length=1),
        shuffle_files=False,
    )


def _scenes_examples(builder, split, features):
    """Examples of `scenes`; less than `train` is rendered, and not stored."""
    if not builder.is_prepared():
        part = builder.part(split)
        count = sum(len(numbers) for _, numbers in part)
        if count == 0:
            raise ValueError("It has no examples.")
        if count < scenes.NUM_EXAMPLES["train"]:
            rendered = builder.rendered(part, features)
            return tf.data.Dataset.from_tensor_slices(rendered)
        builder.download_and_prepare()
    return _stored_examples(builder, split)


def prepared_builder(name, size, data_dir):
    # TFDS itself reads the variable once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    if _base_name(name) == "scenes":  # rendered when its split is known
        return scenes.Scenes(
            config=_scenes_config(name, size), data_dir=data_dir
        )
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except AssertionError as error:  # what TFDS raises for an unknown version
        raise ValueError(
            f"There is no such version. Received: name={name!r}. {error}"
        ) from error
    if not builder.is_prepared():
        if not _is_online():
            raise _not_prepared(name, builder)
        try:
            builder.download_and_prepare()
        except OSError as error:
            raise _not_prepared(name, builder) from error
    return builder


def _scenes_config(name, size):
    """The size to render at: the one in the name, or the one asked for."""
    known = [str(size) for size in scenes.SIZES]
    _, slash, config = name.partition("/")
    if not slash:
        config = str(size[0]) if size and size[0] == size[1] else known[0]
        return config if config in known else known[0]
    if config not in known:
        raise ValueError(
            f"'scenes' comes in the sizes {', '.join(known)}, as in "
            f"'scenes/64'. Received: name={name!r}"
        )
    return config


def _not_prepared(name, builder):
    return FileNotFoundError(
        f"The data set {name!r} is not prepared in {builder.data_dir} and "
        "cannot be downloaded. Set TFDS_DATA_DIR (or `data_dir`) to the "
        "directory that holds it, or use 'scenes', which needs no download."
    )


def _is_online():
    # Without a network TFDS tries for minutes before it fails.
    try:
        socket.create_connection(_DOWNLOAD_HOST, timeout=5).close()
    except OSError:
        return False
    return True


def _base_name(name):
    return os.fspath(name).partition("/")[0].partition(":")[0]
