import contextlib
import json
import pathlib
import shutil

import numpy as np
import tensorflow_datasets as tfds

from keras_vq.checks import check_names
from keras_vq.checks import check_path
from keras_vq.data.encoded import check_tokenizers
from keras_vq.data.encoded import encoded
from keras_vq.data.load import split_names
from keras_vq.data.load_codes import code_batches
from keras_vq.data.load_codes import with_fingerprint
from keras_vq.saving.files import read_json
from keras_vq.saving.files import written_whole

_PROVENANCE = "tokenizer.json"
_VERSION = "1.0.0"
_FEATURES = "tensorflow_datasets.core.features."
_CLASSES = {
    f"{_FEATURES}features_dict.FeaturesDict",
    f"{_FEATURES}tensor_feature.Tensor",
    f"{_FEATURES}scalar.Scalar",
}


def tokenize(
    tokenizer,
    name,
    out,
    splits=("train", "test"),
    condition_tokenizer=None,
    condition=None,
    labels=True,
    **kwargs,
):
    """Encode images and write their codes to a folder, to train priors.

    `load_tokens` and `tfds.builder_from_directory` read the folder, which
    appears when it is complete. An interrupted call resumes where it stopped.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`; images are resized to its
            `input_shape`.
        name: Name of the data; see `keras_vq.data.load`.
        out: str or Path, folder to create. It must not exist; its parent must.
        splits: sequence of str, splits of the data; `["all"]` for each that
            it has. Defaults to `("train", "test")`.
        condition_tokenizer: See `keras_vq.data.load_codes`.
        condition: See `keras_vq.data.load_codes`.
        labels: bool, whether to write labels too; otherwise they are zeros.
            Defaults to True.
        **kwargs: `binarize`, `feature` and `data_dir` of
            `keras_vq.data.load`.

    Raises:
        FileExistsError: If `out` exists.
        ValueError: If an interrupted call had another tokenizer or other data,
            or a split is only part of one.
        FileNotFoundError: If the parent folder does not exist.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> keras_vq.data.tokenize(tokenizer, "scenes", "codes", ["test"])
    >>> codes = keras_vq.data.load_tokens("codes", "test", batch_size=50)
    >>> next(iter(codes)).shape
    (50, 8, 8)
    """
    out = pathlib.Path(check_path("out", out))
    check_tokenizers(tokenizer, condition_tokenizer)
    if out.exists():
        raise FileExistsError(
            f"Cannot write codes to {out}: it exists. Remove it or give "
            "another folder."
        )
    splits = check_names("splits", splits)
    if splits == ["all"]:  # TFDS keeps that name for itself
        splits = split_names(name, kwargs.get("data_dir"))
    if not splits or not all(split.isidentifier() for split in splits):
        raise ValueError(
            "`splits` must be names of complete splits, such as 'train'. "
            f"Received: splits={splits}"
        )
    provenance = {
        "tokenizer": tokenizer.fingerprint(condition_tokenizer),
        "tokenizer_class": type(tokenizer).__name__,
        "data": str(name),
        "splits": splits,
        "maps": _maps(tokenizer, condition_tokenizer),
        "condition": condition,
        "labels": labels,
        "options": {key: str(value) for key, value in sorted(kwargs.items())},
    }
    begun = out.with_name(f"{out.name}.unfinished")
    _begin(begun, provenance)
    for split in splits:
        first = len(list(begun.glob(f"{split}-*.npz")))
        batches = encoded(
            tokenizer,
            name,
            split,
            condition_tokenizer,
            condition,
            labels,
            first,
            **kwargs,
        )
        for number, (maps, classes) in enumerate(batches, start=first):
            with written_whole(begun / f"{split}-{number:06d}.npz") as part:
                np.savez(part, *maps, labels=classes)
    with written_whole(out) as temporary:
        _write(temporary, begun, provenance)
    shutil.rmtree(begun)


def load_tokens(
    path,
    split="train",
    batch_size=128,
    labels=False,
    shuffle=None,
    seed=0,
    epochs=None,
):
    """Load the codes that `tokenize` wrote, as a `tf.data.Dataset`.

    Args:
        path: str or Path, the folder.
        split: str, such as `"train"` or `"train[:1000]"`. Defaults to
            `"train"`.
        batch_size, labels, shuffle, seed, epochs: See
            `keras_vq.data.load_codes`.

    Returns:
        `tf.data.Dataset`; see `keras_vq.data.load_codes`. Priors over another
        tokenizer's codes reject it.

    Raises:
        ValueError: If `tokenize` did not write the folder, or wrote no such
            split or no labels.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> keras_vq.data.tokenize(tokenizer, "scenes", "codes", ["test"])
    >>> pairs = keras_vq.data.load_tokens("codes", "test[:20]", labels=True)
    >>> codes, labels = next(iter(pairs))
    >>> codes.shape
    (20, 8, 8)
    """
    provenance = provenance_of(path)
    if provenance is None:
        raise ValueError(
            f"{path} is not a folder that `keras_vq.data.tokenize` wrote."
        )
    if labels and not provenance["labels"]:
        raise ValueError(
            f"The codes in {path} were written without labels. Received: "
            "labels=True"
        )
    _check_features(pathlib.Path(path) / "features.json")
    builder = tfds.builder_from_directory(str(path))
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(interleave_cycle_length=1),
    )
    batches = list(examples.batch(1000).as_numpy_iterator())
    names = [*(f"codes_{i}" for i in range(len(provenance["maps"]))), "label"]
    arrays = [np.concatenate([b[name] for b in batches]) for name in names]
    dataset = code_batches(
        arrays, split, batch_size, labels, shuffle, seed, epochs
    )
    return with_fingerprint(dataset, provenance["tokenizer"])


def provenance_of(path):
    """dict, the origin of a folder of codes; None for other folders."""
    path = pathlib.Path(check_path("path", path)) / _PROVENANCE
    return read_json(path) if path.is_file() else None


def _check_features(path):
    """Raise unless a file names no other classes than `tokenize` writes.

    TFDS imports the modules of the classes that it names.
    """
    foreign = set(_class_names(read_json(path))) - _CLASSES
    if foreign:
        raise ValueError(
            f"{path} was not written by `keras_vq.data.tokenize`: it names the "
            f"classes {', '.join(sorted(foreign))}."
        )


def _class_names(config):
    """Yield the names of classes in the JSON of features."""
    if isinstance(config, list):
        config = dict(enumerate(config))
    if isinstance(config, dict):
        for key, value in config.items():
            if key in ("pythonClassName", "python_class_name"):
                yield str(value)
            yield from _class_names(value)


def _maps(*tokenizers):
    return [
        [list(shape), num_embeddings]
        for tokenizer in tokenizers
        if tokenizer is not None
        for shape, num_embeddings in tokenizer.code_maps
    ]


def _begin(folder, provenance):
    """Create the folder of encoded parts, or continue an interrupted one."""
    if folder.exists() and provenance_of(folder) is None:
        raise FileExistsError(
            f"{folder} is needed for unfinished codes, but exists and is not "
            "from keras_vq. Move it, or give another folder for the codes."
        )
    if folder.exists() and not any(folder.glob("*.npz")):
        shutil.rmtree(folder)  # ours, and nothing is in it yet
    if not folder.exists():
        with written_whole(folder) as temporary:
            temporary.mkdir()
            text = json.dumps(provenance, indent=2)
            (temporary / _PROVENANCE).write_text(text, encoding="utf-8")
        return
    begun = provenance_of(folder)
    if begun != provenance:
        raise ValueError(
            f"{folder} holds unfinished codes of another tokenizer or of other "
            f"data: {begun}. Remove it, or give another folder. Received: "
            f"{provenance}"
        )


def _write(path, begun, provenance):
    """Write the encoded parts as a folder that TFDS reads."""
    maps = provenance["maps"]
    features = {
        f"codes_{i}": tfds.features.Tensor(shape=shape, dtype=np.int32)
        for i, (shape, _) in enumerate(maps)
    }
    features["label"] = tfds.features.Scalar(np.int64)

    def examples(split):
        number = 0
        for part in sorted(begun.glob(f"{split}-*.npz")):
            arrays = dict(np.load(part))
            for i, label in enumerate(arrays["labels"]):
                codes = {
                    f"codes_{m}": arrays[f"arr_{m}"][i]
                    for m in range(len(maps))
                }
                yield number, {**codes, "label": label}
                number += 1

    folder = path.with_name("tfds")
    builder = tfds.dataset_builders.AdhocBuilder(
        name="codes",
        version=_VERSION,
        features=tfds.features.FeaturesDict(features),
        split_datasets={s: examples(s) for s in provenance["splits"]},
        data_dir=folder,
        description=f"Codes of {provenance['data']}.",
        disable_shuffling=True,
    )
    tfds.disable_progress_bar()  # encoding, which takes the time, has one
    try:
        with contextlib.redirect_stdout(None):  # it prints the temporary path
            builder.download_and_prepare()
    finally:
        tfds.enable_progress_bar()
    (pathlib.Path(builder.data_dir) / _PROVENANCE).write_text(
        json.dumps(provenance, indent=2) + "\n", encoding="utf-8"
    )
    pathlib.Path(builder.data_dir).rename(path)
