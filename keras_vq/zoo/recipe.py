import json
import pathlib
import tomllib
import typing
from typing import Any
from typing import Literal

import pydantic
import tomli_w

from keras_vq.checks import did_you_mean
from keras_vq.saving.published import published

_FILE = "recipe.toml"

# Arguments of factories that a TOML file cannot say, or says elsewhere.
_NOT_OF_RECIPES = (
    "learning_rate",
    "kwargs",
    "return",
)


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class Data(_Section):
    """What is loaded: see `keras_vq.data.load`.

    `condition` is the feature of the data that a prior is told; see
    `keras_vq.data.load_codes`. The name of a prior's data may be a folder of
    codes that `keras-vq tokenize` wrote.
    """

    name: str
    train_split: str = "train"
    test_split: str = "test"
    batch_size: int = pydantic.Field(128, ge=1)
    binarize: bool = False
    feature: str = "image"
    condition: str | None = None

    def load_arguments(self, model):
        """Arguments of `keras_vq.data.load` that all splits have in common."""
        return {
            "name": self.name,
            "batch_size": self.batch_size,
            "binarize": self.binarize,
            "feature": self.feature,
            "image_size": tuple(model.input_shape[:2]),
            "channels": model.input_shape[2],
            "labels": bool(getattr(model, "num_classes", None)),
        }


class Training(_Section):
    """How long and how fast the model learns.

    `adapt` starts codebooks from the training data, by k-means;
    `schedule="cosine"` lowers the learning rate to zero over all steps.
    """

    epochs: int = pydantic.Field(ge=1)
    seed: int = pydantic.Field(0, ge=0)
    learning_rate: float = pydantic.Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    adapt: bool = False


class Recipe(_Section):
    """All that `keras-vq train` needs to know, as a TOML file says it.

    `model` names a factory of `keras_vq.zoo` and `arguments` are its
    arguments; there `"none"` stands for None, which TOML lacks, and
    `data_variance = "auto"` for the variance of the training data. `quick` are
    changes for a short trial run.
    """

    model: str
    arguments: dict[str, Any] = {}
    data: Data
    training: Training
    quick: dict[str, Any] = {}

    @classmethod
    def load(cls, name):
        """A recipe from a TOML file or by its name in the zoo.

        Args:
            name: Path of a TOML file, or a name in `available()`.

        Returns:
            Recipe.

        Raises:
            ValueError: If there is no such recipe, or it is not valid.
        """
        path = pathlib.Path(name)
        if path.suffix != ".toml":
            path = _path(str(name))
        try:
            return cls.from_dict(tomllib.loads(path.read_text()))
        except FileNotFoundError as error:
            raise ValueError(f"There is no recipe file {path}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a TOML file: {error}") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, values):
        """A recipe from nested dicts; ValueError names what is wrong."""
        try:
            recipe = cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise ValueError(_in_words(error)) from error
        known = recipe.known_arguments()
        for key, value in recipe.arguments.items():
            if key not in known:
                raise ValueError(
                    f"Unknown key 'arguments.{key}'.{did_you_mean(key, known)}"
                )
            if (key, value) != ("data_variance", "auto"):
                _check_type(f"arguments.{key}", value, known[key])
        return recipe

    def factory(self):
        """The function of `keras_vq.zoo` that builds the model."""
        from keras_vq import zoo

        factories = [name for name in zoo.__all__ if name != "load"]
        if self.model not in factories:
            raise ValueError(
                f"Unknown model {self.model!r}."
                f"{did_you_mean(self.model, factories)}"
            )
        return getattr(zoo, self.model)

    def known_arguments(self):
        """What `arguments` may hold, names to types."""
        known = typing.get_type_hints(self.factory())
        for name in _NOT_OF_RECIPES:
            known.pop(name, None)
        return {**known, "dtype": str}

    def build(self, **others):
        """The untrained model; a variance still `"auto"` is left out.

        Args:
            **others: Further arguments of the factory.
        """
        return self.factory()(**self.factory_arguments(), **others)

    def factory_arguments(self):
        """`arguments` as the factory takes them, a dict."""
        return {
            name: None if value in ("none", "auto") else value
            for name, value in self.arguments.items()
        }

    def changed(self, settings):
        """The recipe with some values replaced.

        Args:
            settings: dict, keys such as `"training.epochs"`, or the last part
                alone where it is unambiguous, to values.

        Returns:
            Recipe.
        """
        values = self.model_dump()
        for key, value in settings.items():
            section, name = self._locate(key)
            values[section][name] = value
        return self.from_dict(values)

    def _locate(self, key):
        """The section and name that a key such as `"epochs"` stands for."""
        known = [
            *(f"arguments.{name}" for name in self.known_arguments()),
            *(f"data.{name}" for name in Data.model_fields),
            *(f"training.{name}" for name in Training.model_fields),
        ]
        found = [k for k in known if key in (k, k.partition(".")[2])]
        if len(found) != 1:
            short = [k.partition(".")[2] for k in known]
            names = known if "." in key else short
            raise ValueError(f"Unknown key {key!r}.{did_you_mean(key, names)}")
        section, _, name = found[0].partition(".")
        return section, name

    def to_toml(self):
        """The recipe as the text of a TOML file."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


def available():
    """Names of the recipes in the zoo."""
    return list(published(_FILE))


def parse_setting(text):
    """`"key=value"` to `(key, value)`; the value is TOML, or else a string."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ValueError(f"Expected a setting key=value. Received: {text!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _check_type(key, value, hint):
    text = "null" if value == "none" else json.dumps(value)
    try:
        adapter = pydantic.TypeAdapter(
            hint, config={"arbitrary_types_allowed": True}
        )
        adapter.validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        message = error.errors()[0]["msg"]
        raise ValueError(f"{key}: {message}. Received: {value!r}") from error


def _path(name):
    known = published(_FILE)
    if name not in known:
        raise ValueError(
            f"Unknown recipe {name!r}.{did_you_mean(name, known)} The zoo has "
            f"{', '.join(known)}; a path to a .toml file works too."
        )
    return known[name] / _FILE


def _in_words(error):
    """The first thing that pydantic found wrong, in one line."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *section, name = map(str, first["loc"])
        fields = {
            "data": Data.model_fields,
            "training": Training.model_fields,
        }
        known = fields[section[0]] if section else Recipe.model_fields
        return f"Unknown key {key!r}.{did_you_mean(name, list(known))}"
    if first["type"] == "missing":
        return f"The key {key!r} is missing."
    return f"{key}: {first['msg']}. Received: {first['input']!r}"
