import json
import pathlib
import tomllib
import typing
from typing import Any
from typing import Literal

import numpy as np
import pydantic
import tomli_w

from keras_vq.checks import check_path
from keras_vq.did_you_mean import did_you_mean
from keras_vq.published import RECIPE
from keras_vq.published import published
from keras_vq.published import recipe_path
from keras_vq.zoo import FACTORIES
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import names_model

# Type hints of factories that are not arguments, or that belong in the section
# `training`.
_NOT_ARGUMENTS = ("learning_rate", "seed", "kwargs", "return")


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


class Data(_Section):
    """The data; see `keras_vq.data.load`.

    `crop` and `flip` change the training split alone. `condition` names the
    feature that a prior is conditioned on; see `keras_vq.data.load_codes`.
    `name` may also be a folder of codes that `keras_vq.data.tokenize` wrote,
    for a prior. Models of audio need the `sample_rate` of their clips.
    """

    name: str
    train_split: str = "train"
    test_split: str = "test"
    batch_size: int = pydantic.Field(128, ge=1)
    binarize: bool = False
    feature: str = "image"
    crop: float = pydantic.Field(1.0, gt=0, le=1)
    flip: bool = False
    condition: str | None = None
    sample_rate: int | None = pydantic.Field(None, ge=1)

    def load_arguments(self, model):
        """dict, arguments of `keras_vq.data.load` that all splits share."""
        shared = {
            "name": self.name,
            "batch_size": self.batch_size,
            "labels": model.num_classes is not None,
        }
        if len(model.input_shape) == 2:
            if self.sample_rate is None:
                raise ValueError(
                    "A model of audio needs the sample rate of its clips. "
                    f"Received: input_shape={model.input_shape} without "
                    "data.sample_rate"
                )
            time, channels = model.input_shape
            return {
                **shared,
                "sample_rate": self.sample_rate,
                "clip_seconds": time / self.sample_rate,
                "mono": channels == 1,
            }
        if len(model.input_shape) == 4:
            num_frames, *size, channels = model.input_shape
            return {
                **shared,
                "num_frames": num_frames,
                "image_size": tuple(size),
                "channels": channels,
                "feature": self.feature,
            }
        return {
            **shared,
            "binarize": self.binarize,
            "feature": self.feature,
            "image_size": tuple(model.input_shape[:2]),
            "channels": model.input_shape[2],
        }

    def encoding_arguments(self, model):
        """dict, further arguments of `keras_vq.data.load_codes`."""
        names = ("binarize", "feature", "sample_rate")
        arguments = self.load_arguments(model)
        return {name: arguments[name] for name in names if name in arguments}


class Training(_Section):
    """Epochs, learning rate and seed.

    An epoch is one pass over the training split, or as many as it takes for
    the whole run to have `min_steps` steps; a number of epochs that is given
    to `train`, and a quick run, set that floor to 0. `adapt` initializes the
    codebooks by k-means on the training data; None does so where there are
    codebooks and enough vectors. `preset` names a trained model to start from,
    as `keras_vq.zoo.load` takes it, or the folder of a run.
    `schedule="cosine"` decays the learning rate to zero over the whole run.
    """

    epochs: int = pydantic.Field(ge=1)
    min_steps: int = pydantic.Field(500, ge=0)
    seed: int = pydantic.Field(0, ge=0, lt=2**31)
    learning_rate: float = pydantic.Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    adapt: bool | None = None
    preset: str | None = None


class Recipe(_Section):
    """A model, its data and its training, as written in a TOML file.

    `model` names a factory of `keras_vq.zoo` and `arguments` holds its
    arguments. There `"none"` stands for None, which TOML lacks, a path of a
    `.keras` file or a published name for a trained model, and
    `data_variance = "auto"` for the variance of the training data. `quick`
    holds changes for a short trial run.

    Example:

    >>> recipe = keras_vq.recipes.Recipe.load("vqvae_mnist")
    >>> recipe.changed({"num_embeddings": 64}).build().num_embeddings
    64
    """

    model: str
    arguments: dict[str, Any] = {}
    data: Data
    training: Training
    quick: dict[str, Any] = {}

    @classmethod
    def load(cls, name):
        """Load a recipe from a TOML file, or by its name in the zoo.

        Args:
            name: Path of a TOML file, or a name in `available()`.

        Returns:
            Recipe.

        Raises:
            ValueError: If there is no such recipe, or it is not valid.
        """
        path = pathlib.Path(check_path("recipe", name))
        if path.suffix != ".toml":
            path = recipe_path(str(name))
        try:
            return cls.from_dict(
                tomllib.loads(path.read_text(encoding="utf-8-sig"))
            )
        except FileNotFoundError as error:
            raise ValueError(f"There is no recipe at {path}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a TOML file: {error}") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, values):
        """Create a recipe from nested dicts; raise a ValueError if invalid."""
        try:
            recipe = cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise ValueError(_message(error)) from error
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
        if self.model not in FACTORIES:
            raise ValueError(
                f"Unknown model {self.model!r}."
                f"{did_you_mean(self.model, FACTORIES)}"
            )
        return FACTORIES[self.model]

    def model_class(self):
        """The class of the model."""
        return typing.get_type_hints(self.factory())["return"]

    def known_arguments(self):
        """dict, names that `arguments` may hold to their types."""
        hints = typing.get_type_hints(self.factory())
        return {k: v for k, v in hints.items() if k not in _NOT_ARGUMENTS}

    def build(self, **others):
        """Build and compile the model; a variance of `"auto"` is still 1.

        Args:
            **others: Arguments of the factory that replace the recipe's.
        """
        arguments = {
            "learning_rate": self.training.learning_rate,
            **self.factory_arguments(),
            **others,
        }
        return self.factory()(**arguments)

    def factory_arguments(self):
        """dict, `arguments` as the factory takes them."""
        return {
            name: None if value in ("none", "auto") else value
            for name, value in self.arguments.items()
        }

    def load_parts(self):
        """dict, arguments that name trained models to these models."""
        return {
            name: load_part(value, name)
            for name, value in self.arguments.items()
            if names_model(value)
        }

    def hyperparameters(self):
        """dict, the values of all sections but `quick`, by name."""
        return {
            "model": self.model,
            **self.arguments,
            **self.data.model_dump(exclude_none=True),
            **self.training.model_dump(exclude_none=True),
        }

    def changed(self, settings):
        """Return the recipe with some values replaced.

        Args:
            settings: dict, keys such as `"training.epochs"`, or the last part
                alone where it is unambiguous, to values.

        Returns:
            Recipe.
        """
        values = self.model_dump()
        for key, value in settings.items():
            section, name = self.locate(key)
            is_numpy = isinstance(value, np.generic)
            values[section][name] = value.item() if is_numpy else value
        return self.from_dict(values)

    def locate(self, key):
        """`section, name` of a key such as `"epochs"`."""
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
        """str, the text of the recipe's TOML file."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


def available():
    """Names of the recipes in the zoo.

    Returns:
        list of str.

    Example:

    >>> "vqvae_mnist" in keras_vq.recipes.available()
    True
    """
    return list(published(RECIPE))


def _check_type(key, value, hint):
    text = "null" if value == "none" else json.dumps(value, default=str)
    try:
        adapter = pydantic.TypeAdapter(
            hint,
            config={"arbitrary_types_allowed": True, "allow_inf_nan": False},
        )
        adapter.validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        message = error.errors()[0]["msg"]
        raise ValueError(f"{key}: {message}. Received: {value!r}") from error


def _message(error):
    """The first of pydantic's errors, in one line."""
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
