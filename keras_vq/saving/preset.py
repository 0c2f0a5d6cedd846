import datetime
import json
import pathlib
import tempfile

import keras

from keras_vq.files import written_whole
from keras_vq.saving.find_preset import find_preset
from keras_vq.saving.preset_files import CONFIG
from keras_vq.saving.preset_files import METADATA
from keras_vq.saving.preset_files import WEIGHTS
from keras_vq.saving.preset_files import check_whole
from keras_vq.saving.preset_files import digest
from keras_vq.saving.published import published


class _ClassProperty:
    """A property of a class."""

    def __init__(self, getter):
        self.getter = getter

    def __get__(self, instance, owner):
        return self.getter(owner)


class Preset:
    """Base of the models that are kept as presets.

    A preset is a folder with `config.json`, the model's class and arguments,
    `model.weights.h5`, and `metadata.json`, which has the SHA-256 digests of
    the other two. The files have the names that KerasHub gives them, and none
    is a pickle.
    """

    @_ClassProperty
    def presets(cls):
        """dict, the zoo's presets of this class, names to metadata."""
        found = {}
        for name, folder in published(METADATA).items():
            config = json.loads((folder / CONFIG).read_text())
            if _is_subclass(_class_of(config), cls):
                found[name] = json.loads((folder / METADATA).read_text())
        return found

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """A trained model, not compiled.

        Args:
            preset: Name of a preset of the zoo (see `presets`), the path of a
                folder that `save_to_preset` made, or `"hf://user/repo"`, which
                needs the package huggingface_hub and keeps what it downloads.
            load_weights: bool, False for an untrained model of the same
                configuration. Defaults to True.
            **kwargs: Arguments of the model to replace, such as `dtype`.

        Returns:
            A model of this class or of a subclass.

        Raises:
            ValueError: If there is no such preset, if it is one of another
                class, or if a file is missing or differs from its digest.

        Example:

        >>> model = keras_vq.models.VQVAE.from_preset("vqvae_mnist")
        >>> model.encode(np.zeros((2, 28, 28, 1))).shape
        (2, 7, 7)
        """
        folder = find_preset(preset)
        check_whole(folder)
        config = json.loads((folder / CONFIG).read_text())
        found = _class_of(config)
        if not _is_subclass(found, cls):
            name = found.__name__ if found else config["registered_name"]
            raise ValueError(
                f"The preset {preset!r} is a {name}, which is no "
                f"{cls.__name__}. Load it by {name}.from_preset or by "
                "keras_vq.zoo.load."
            )
        config["config"] |= kwargs
        model = keras.saving.deserialize_keras_object(config)
        if load_weights:
            model.load_weights(folder / WEIGHTS)
        return model

    def save_to_preset(self, preset_dir):
        """Write the model's configuration and weights into a folder.

        The optimizer and other training state stay behind: `save` keeps those.
        The folder is a preset once its `metadata.json` is there, which is
        written last.

        Args:
            preset_dir: Folder; it is made where it does not exist, its parent
                must exist.

        Raises:
            FileExistsError: If there is a preset in that folder.
            FileNotFoundError: If its parent does not exist.

        Example:

        ```python
        model.save_to_preset("my_preset")
        model = keras_vq.models.VQVAE.from_preset("my_preset")
        ```
        """
        folder = pathlib.Path(preset_dir)
        if (folder / METADATA).exists():
            raise FileExistsError(
                f"There is a preset in {folder}. Remove it or give another "
                "folder."
            )
        if not folder.parent.is_dir():
            raise FileNotFoundError(
                f"Cannot write {folder}: the folder {folder.parent} does not "
                "exist."
            )
        config = _without_training(keras.saving.serialize_keras_object(self))
        model = keras.saving.deserialize_keras_object(config)
        model.set_weights(self.get_weights())
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            files = {
                CONFIG: json.dumps(config, indent=2).encode() + b"\n",
                WEIGHTS: _weights(model, pathlib.Path(temporary) / WEIGHTS),
            }
        metadata = {
            "keras_version": keras.version(),
            "parameter_count": model.count_params(),
            "date_saved": datetime.datetime.now(datetime.UTC).isoformat(
                timespec="seconds"
            ),
            "sha256": {name: digest(data) for name, data in files.items()},
        }
        files[METADATA] = json.dumps(metadata, indent=2).encode() + b"\n"
        for name, data in files.items():
            with written_whole(folder / name) as path:
                path.write_bytes(data)


def _class_of(config):
    return keras.saving.get_registered_object(config["registered_name"])


def _is_subclass(found, cls):
    return found is not None and issubclass(found, cls)


def _without_training(config):
    """A serialized object without what `compile` gave it, parts included."""
    if isinstance(config, dict):
        return {
            key: _without_training(value)
            for key, value in config.items()
            if key not in ("compile_config", "build_config")
        }
    if isinstance(config, (list, tuple)):
        return [_without_training(value) for value in config]
    return config


def _weights(model, path):
    model.save_weights(path)
    return path.read_bytes()
