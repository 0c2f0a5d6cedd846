"""Presets: trained models as folders of plain files.

A preset is a folder with `config.json`, the model's class and arguments,
`model.weights.h5`, and `metadata.json`, which holds the SHA-256 digests of the
other two. The files are named as in KerasHub, and none is a pickle.
"""

import datetime
import hashlib
import json
import pathlib
import tempfile

import keras

from keras_vq.did_you_mean import did_you_mean
from keras_vq.extras import require
from keras_vq.published import published
from keras_vq.saving.config import restored
from keras_vq.saving.config import without
from keras_vq.saving.files import read_json
from keras_vq.saving.files import written_whole
from keras_vq.saving.model_file import check_expansion

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
HUGGING_FACE = "hf://"


class ClassProperty:
    """A property of a class."""

    def __init__(self, getter):
        self.getter = getter

    def __get__(self, instance, owner):
        return self.getter(owner)


def presets_of(cls):
    """dict, the zoo's presets of a class, names to metadata."""
    found = {}
    for name, folder in published(METADATA).items():
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8-sig"))
        if _is_subclass(_class_of(config), cls):
            found[name] = json.loads(
                (folder / METADATA).read_text(encoding="utf-8-sig")
            )
    return found


def from_preset(cls, preset, load_weights=True, **kwargs):
    """Load a trained model. It is not compiled.

    Args:
        preset: Name of a preset of the zoo (see `presets`), path of a folder
            that `save_to_preset` wrote, or `"hf://user/repo"`, which needs the
            package huggingface_hub and is cached by it.
        load_weights: bool, False for an untrained model of the same
            configuration. Defaults to True.
        **kwargs: Arguments of the model to replace, such as `likelihood`; its
            networks stay as they are.

    Returns:
        A model of this class or of a subclass.

    Raises:
        ValueError: If there is no such preset, if it is of another class,
            or if a file is missing or differs from its digest.

    Example:

    >>> model = keras_vq.models.VQVAE.from_preset("vqvae_mnist")
    >>> model.encode(np.zeros((2, 28, 28, 1))).shape
    (2, 7, 7)
    """
    folder = find_preset(preset)
    check_whole(folder)
    config = read_json(folder / CONFIG)
    found = _class_of(config)
    if not _is_subclass(found, cls):
        name = found.__name__ if found else config["registered_name"]
        raise ValueError(
            f"The preset {preset!r} is a {name}, not a {cls.__name__}. Load it "
            f"with {name}.from_preset or keras_vq.zoo.load."
        )
    config["config"] |= kwargs
    model = restored(config)
    if load_weights:
        check_expansion(folder / WEIGHTS)
        model.load_weights(folder / WEIGHTS)
    return model


def save_to_preset(self, preset_dir):
    """Write the model's configuration and weights to a folder.

    The optimizer and other training state are left out; `save` keeps those.
    `metadata.json` is written last, so an interrupted call leaves no preset.

    Args:
        preset_dir: Folder, created if needed; its parent must exist.

    Raises:
        FileExistsError: If the folder already holds a preset.
        FileNotFoundError: If the parent folder does not exist.

    Example:

    ```python
    model.save_to_preset("my_preset")
    model = keras_vq.models.VQVAE.from_preset("my_preset")
    ```
    """
    folder = pathlib.Path(preset_dir)
    if (folder / METADATA).exists():
        raise FileExistsError(
            f"There is already a preset in {folder}. Remove it or give another "
            "folder."
        )
    if not folder.parent.is_dir():
        raise FileNotFoundError(
            f"Cannot write {folder}: the folder {folder.parent} does not exist."
        )
    config = without(
        keras.saving.serialize_keras_object(self),
        "compile_config",
        "build_config",
    )
    model = restored(config)
    model.set_weights(self.get_weights())
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        weights = pathlib.Path(temporary) / WEIGHTS
        model.save_weights(weights)
        files = {
            CONFIG: json.dumps(config, indent=2).encode() + b"\n",
            WEIGHTS: weights.read_bytes(),
        }
    metadata = {
        "keras_version": keras.version(),
        "parameter_count": model.count_params(),
        "date_saved": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "sha256": {name: _digest(data) for name, data in files.items()},
    }
    files[METADATA] = json.dumps(metadata, indent=2).encode() + b"\n"
    for name, data in files.items():
        with written_whole(folder / name) as path:
            path.write_bytes(data)


def find_preset(preset):
    """The folder of a preset, downloaded if needed.

    Args:
        preset: Name in the zoo, path of a folder or `"hf://user/repo"`.

    Returns:
        Path.

    Raises:
        ValueError: If there is no such preset.
        ImportError: If the download needs huggingface_hub and it is missing.
    """
    name = str(preset)
    if name.startswith(HUGGING_FACE):
        return _download(name.removeprefix(HUGGING_FACE))
    known = published(METADATA)
    if name in known:
        return known[name]
    if pathlib.Path(name).is_dir():
        return pathlib.Path(name)
    if name in published("recipe.toml"):
        raise ValueError(
            f"The zoo has a recipe for {name!r}, but not its weights. Train "
            f"them with `keras-vq train {name}`."
        )
    raise ValueError(
        f"Unknown preset {name!r}.{did_you_mean(name, known)} The zoo has "
        f"{', '.join(known)}. The path of a preset's folder and "
        "'hf://user/repo' are valid too."
    )


def check_whole(folder):
    """Raise unless a preset's files are there and match their digests.

    Args:
        folder: Path of a preset.

    Raises:
        ValueError: If a file is missing or differs from its digest.
    """
    missing = [
        name
        for name in (CONFIG, METADATA, WEIGHTS)
        if not (folder / name).is_file()
    ]
    if missing:
        raise ValueError(
            f"{folder} is not a complete preset: {', '.join(missing)} is "
            "missing. `save_to_preset` writes one."
        )
    try:
        digests = read_json(folder / METADATA)["sha256"]
        expected = {name: digests[name] for name in (CONFIG, WEIGHTS)}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / METADATA} is damaged: it has no SHA-256 digests of "
            f"{CONFIG} and {WEIGHTS} ({error!r})."
        ) from error
    for name, wanted in expected.items():
        found = _digest((folder / name).read_bytes())
        if found != wanted:
            raise ValueError(
                f"{folder / name} is damaged: its SHA-256 is {found}, "
                f"{METADATA} says {wanted}. Download or save the preset again."
            )


def _download(repo):
    if len(repo.split("/")) != 2 or not all(repo.split("/")):
        raise ValueError(
            "Presets on Hugging Face are named 'hf://user/repo'. Received: "
            f"'{HUGGING_FACE}{repo}'"
        )
    require(f"Downloading '{HUGGING_FACE}{repo}'", "huggingface_hub")
    import huggingface_hub

    try:
        paths = [
            huggingface_hub.hf_hub_download(repo, name)
            for name in (CONFIG, METADATA, WEIGHTS)
        ]
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"Cannot download the preset '{HUGGING_FACE}{repo}': {reason}"
        ) from error
    return pathlib.Path(paths[0]).parent


def _class_of(config):
    return keras.saving.get_registered_object(config["registered_name"])


def _is_subclass(found, cls):
    return found is not None and issubclass(found, cls)


def _digest(data):
    """SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
