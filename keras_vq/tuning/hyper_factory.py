import inspect
from typing import Any
from typing import ClassVar

import keras
import keras_tuner

from keras_vq.checks import did_you_mean
from keras_vq.zoo.recipe import Recipe


class HyperFactory(keras_tuner.HyperModel):
    """Base of the hypermodels: a factory of `keras_vq.zoo` and what to search.

    A subclass names the `factory`, the `space` that is searched by default and
    the log that says which model is best. Pass an object of it to a tuner of
    KerasTuner, and `objective` with it.

    Args:
        search: dict or None, what to search in place of the default `space`:
            names of the factory's arguments to a list of choices or a tuple
            `(low, high)`, a range that is searched on a logarithmic scale.
            Defaults to None.
        fixed: list of str, arguments of `space` that are not searched.
            Defaults to `()`.
        seed: int or None, set before each model is built, so that what a trial
            finds does not depend on the trials or the process before it.
            Defaults to None.
        decay_steps: int or None, training steps in which the learning rate
            goes to zero by a cosine; None for a constant one. Defaults to
            None.
        **arguments: Arguments of the factory. For those that are searched
            they are the default, which a search tries first.

    Raises:
        ValueError: If the factory has no such argument.
    """

    factory: Any
    space: ClassVar[dict[str, Any]]
    objective_name: ClassVar[str]

    def __init__(
        self, search=None, fixed=(), seed=None, decay_steps=None, **arguments
    ):
        super().__init__()
        known = list(inspect.signature(self.factory).parameters)
        for key in [*arguments, *(search or {})]:
            if key not in [*known, "name", "dtype"]:
                raise ValueError(
                    f"{self.factory.__name__}() has no argument {key!r}."
                    f"{did_you_mean(key, known)}"
                )
        for key, choices in (search or {}).items():
            _check_choices(key, choices)
        if search is None:  # what is switched off is not searched
            search = {
                key: _including(choices, arguments.get(key))
                for key, choices in self.space.items()
                if key not in fixed and arguments.get(key, key) is not None
            }
        self.search = search
        self.seed = seed
        self.decay_steps = decay_steps
        self.arguments = arguments

    @classmethod
    def from_recipe(cls, recipe, **arguments):
        """The hypermodel of a recipe's factory, its defaults the recipe's.

        Args:
            recipe: `keras_vq.zoo.recipe.Recipe`, or what its `load` takes.
            **arguments: Arguments of the class, which go before the recipe's.

        Returns:
            An object of the subclass for that factory.

        Raises:
            ValueError: If there is no such recipe, or it is of another model.
        """
        if not isinstance(recipe, Recipe):
            recipe = Recipe.load(recipe)
        for subclass in _subclasses(cls):
            if subclass.factory is recipe.factory():
                break
        else:
            raise ValueError(
                f"{cls.__name__} does not build a {recipe.model!r}, which the "
                "recipe is for."
            )
        return subclass(
            **{
                **recipe.factory_arguments(),
                "learning_rate": recipe.training.learning_rate,
                **arguments,
            }
        )

    @property
    def objective(self):
        """`keras_tuner.Objective`, what a tuner is to minimize."""
        return keras_tuner.Objective(self.objective_name, "min")

    def build(self, hp):
        """The compiled model of one trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
        """
        arguments = {
            **self.arguments,
            **{key: self.ask(hp, key) for key in self.search},
        }
        if self.decay_steps is not None:
            arguments["learning_rate"] = keras.optimizers.schedules.CosineDecay(
                arguments.get("learning_rate", self._default("learning_rate")),
                self.decay_steps,
            )
        if self.seed is not None:
            keras.utils.set_random_seed(self.seed)
        return type(self).factory(**arguments)

    def _default(self, key):
        signature = inspect.signature(self.factory)
        return self.arguments.get(key, signature.parameters[key].default)

    def ask(self, hp, key):
        """The value of a searched argument in one trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            key: str, name of the argument.
        """
        choices, default = self.search[key], self._default(key)
        if isinstance(choices, list):
            if default not in choices:
                default = choices[0]
            return hp.Choice(key, choices, default=default)
        low, high = choices
        default = min(max(default, low), high)
        numbers = hp.Int if isinstance(low, int) else hp.Float
        return numbers(key, low, high, sampling="log", default=default)


def _including(choices, value):
    """A list of choices or a range that has this value, unless None, in it."""
    if value is None or value in choices:
        return choices
    if isinstance(choices, list):
        return sorted([*choices, value])
    return min(choices[0], value), max(choices[1], value)


def _check_choices(key, choices):
    is_list = isinstance(choices, list) and choices
    is_range = (
        isinstance(choices, tuple)
        and len(choices) == 2
        and 0 < choices[0] < choices[1]
    )
    if not is_list and not is_range:
        raise ValueError(
            f"What to search for {key!r} must be a list of choices or a range "
            f"(low, high) with 0 < low < high. Received: {choices!r}"
        )


def _subclasses(cls):
    for subclass in cls.__subclasses__():
        if hasattr(subclass, "factory"):
            yield subclass
        yield from _subclasses(subclass)
    if "factory" in vars(cls):
        yield cls
