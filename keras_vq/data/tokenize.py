import json
import pathlib
import shutil
import warnings

import numpy as np
import tensorflow_datasets as tfds
from tqdm.auto import tqdm

from keras_vq.checks import check_choice
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_names
from keras_vq.checks import check_path
from keras_vq.data.code_shards import FILE_FORMATS
from keras_vq.data.code_shards import Source
from keras_vq.data.code_shards import write_metadata
from keras_vq.data.code_shards import write_shard
from keras_vq.data.encoded import check_condition
from keras_vq.data.encoded import check_tokenizers
from keras_vq.data.load import is_folder
from keras_vq.data.load import split_names
from keras_vq.data.load_codes import code_batches
from keras_vq.data.load_codes import with_fingerprint
from keras_vq.extras import require
from keras_vq.saving.files import read_json
from keras_vq.saving.files import written_whole

_PROVENANCE = "tokenizer.json"
# Runners of Apache Beam, and the modules that they need.
_RUNNERS: dict[str, tuple[str, ...]] = {
    "direct": (),
    "dask": ("dask", "distributed"),
    "flink": (),
    "spark": (),
    "dataflow": (),
}
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
    skip_broken=False,
    shard_size=1000,
    file_format="tfrecord",
    runner=None,
    runner_options=(),
    **kwargs,
):
    """Encode images and write their codes to a folder, to train priors.

    `load_tokens` and `tfds.builder_from_directory` read the folder, which
    appears when it is complete. An interrupted call resumes at the shard where
    it stopped. At no time are more than a few shards in memory.

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
        skip_broken: bool, whether to leave out examples that cannot be read
            and to list them in `broken.txt`, rather than to raise. Defaults to
            False.
        shard_size: int, examples of a file. Defaults to 1000.
        file_format: `"tfrecord"`, or `"array_record"` for random access, as
            Grain needs it. Defaults to `"tfrecord"`.
        runner: str or None, where an Apache Beam pipeline encodes the shards:
            `"direct"`, `"dask"`, `"flink"`, `"spark"` or `"dataflow"`; its
            workers must see `out` and the data. None encodes them in this
            process, to the same files. Defaults to None.
        runner_options: sequence of str, options of the runner, such as
            `["direct_num_workers=2", "direct_running_mode=multi_processing"]`.
            Defaults to none.
        **kwargs: `binarize`, `feature`, `sample_rate` and `data_dir` of
            `keras_vq.data.load`.

    Raises:
        FileExistsError: If `out` exists.
        ValueError: If an interrupted call had another tokenizer or other data,
            a split is only part of one, or an example cannot be read.
        FileNotFoundError: If the parent folder does not exist.
        ImportError: If there is no such runner here; `pip install
            'keras_vq[beam]'`.
        RuntimeError: If the pipeline fails.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> keras_vq.data.tokenize(tokenizer, "scenes", "codes", ["test"])
    >>> codes = keras_vq.data.load_tokens("codes", "test", batch_size=50)
    >>> next(iter(codes)).shape
    (50, 8, 8)
    """
    out = pathlib.Path(check_path("out", out))
    check_path("name", name)
    check_tokenizers(tokenizer, condition_tokenizer)
    check_condition(condition_tokenizer, condition)
    check_flag("labels", labels)
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
    check_flag("skip_broken", skip_broken)
    check_int("shard_size", shard_size)
    check_choice("file_format", file_format, FILE_FORMATS)
    runner_options = check_names("runner_options", runner_options)
    wrong = [option for option in runner_options if "=" not in option]
    if wrong or (runner_options and runner is None):
        raise ValueError(
            "`runner_options` are those of a `runner`, such as "
            "'direct_num_workers=2'. Received: runner_options="
            f"{runner_options} and runner={runner!r}"
        )
    if runner is not None:
        check_choice("runner", runner, _RUNNERS)
        require(f"The runner {runner!r}", "apache_beam", *_RUNNERS[runner])
    source = Source(
        # Workers may run in another folder.
        str(pathlib.Path(name).expanduser().absolute())
        if is_folder(name)
        else name,
        tokenizer.input_shape,
        condition_tokenizer and condition_tokenizer.input_shape,
        condition,
        labels,
        skip_broken,
        kwargs,
    )
    provenance = {
        "tokenizer": tokenizer.fingerprint(condition_tokenizer),
        "tokenizer_class": type(tokenizer).__name__,
        "data": str(name),
        "splits": splits,
        "maps": _maps(tokenizer, condition_tokenizer),
        "condition": condition,
        "labels": labels,
        "shard_size": shard_size,
        "file_format": file_format,
        "options": {key: str(value) for key, value in sorted(kwargs.items())},
    }
    shards = source.shards(splits, shard_size)
    begun = out.with_name(f"{out.name}.unfinished")
    _begin(begun, provenance)
    folder = begun / "codes"
    left = [s for s in shards if not (begun / s.record_name).is_file()]
    total = sum(shard.stop - shard.start for shard in shards)
    with tqdm(total=total, desc="Encoding", unit="example", delay=2) as bar:
        bar.update(total - sum(shard.stop - shard.start for shard in left))
        tokenizers = (tokenizer, condition_tokenizer)
        if runner is None:
            for shard in left:
                examples = source.read(shard)
                maps = examples.encoded(*tokenizers)
                write_shard(folder, begun, shard, file_format, maps, examples)
                bar.update(shard.stop - shard.start)
        else:
            from keras_vq.data.beam import encode_with_beam

            encode_with_beam(
                runner,
                runner_options,
                source,
                left,
                begun,
                file_format,
                tokenizers,
                bar.update,
            )
    broken = write_metadata(
        folder, begun, shards, file_format, provenance["maps"], name
    )
    if broken:
        (folder / "broken.txt").write_text(
            "".join(f"{line}\n" for line in broken), encoding="utf-8"
        )
        warnings.warn(
            f"{len(broken)} of {total} examples could not be read; see "
            f"{out / 'broken.txt'}.",
            stacklevel=2,
        )
    text = json.dumps(provenance, indent=2) + "\n"
    (folder / _PROVENANCE).write_text(text, encoding="utf-8")
    folder.rename(out)
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
    names = [*(f"codes_{i}" for i in range(len(provenance["maps"]))), "label"]
    if provenance["file_format"] == "tfrecord":
        examples = builder.as_dataset(
            split=split,
            shuffle_files=False,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
        batches = list(examples.batch(1000).as_numpy_iterator())
        arrays = [np.concatenate([b[name] for b in batches]) for name in names]
    else:
        examples = list(builder.as_data_source(split=split))
        arrays = [np.stack([x[name] for x in examples]) for name in names]
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
    """Create the folder of encoded shards, or continue an interrupted one.

    It holds the origin of the codes, the records of complete shards, and in a
    folder `codes` their files.
    """
    if folder.exists() and provenance_of(folder) is None:
        raise FileExistsError(
            f"{folder} is needed for unfinished codes, but exists and is not "
            "from keras_vq. Move it, or give another folder for the codes."
        )
    if folder.exists() and not any(folder.glob("*-*.json")):
        shutil.rmtree(folder)  # ours, and nothing is in it yet
    if not folder.exists():
        with written_whole(folder) as temporary:
            (temporary / "codes").mkdir(parents=True)
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
