import inspect

import keras
import keras_tuner

from keras_vq.callbacks.finite_check import FiniteCheck
from keras_vq.checks import check_choice
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.checks import check_type
from keras_vq.did_you_mean import did_you_mean
from keras_vq.tuning.rate_distortion import RateDistortion
from keras_vq.tuning.search_spaces import SEARCH_SPACES
from keras_vq.zoo import FACTORIES


class HyperModel(keras_tuner.HyperModel):
    """A factory of `keras_vq.zoo` and the arguments to search, for KerasTuner.

    `keras_vq.tuning.SEARCH_SPACES` lists what is searched by default. Pass the
    hypermodel to a tuner of KerasTuner, together with one of its objectives:
    `objective`, the error or likelihood of the validation data, or, for a model
    with codes, `rate_distortion`, which adds the cost of the codes.

    Args:
        factory: str, name of a factory of `keras_vq.zoo`.
        search: dict or None, what to search instead of the default: names of
            the factory's arguments to a list of choices or a tuple `(low,
            high)`, a range searched on a logarithmic scale. Defaults to None.
        fixed: sequence of str, arguments of the default search to leave out.
            Defaults to `()`.
        seed: int or None, set before each model is built, so that the result
            of a trial depends on its hyper-parameters alone. Defaults to None.
        decay_steps: int or None, training steps in which a cosine decays the
            learning rate to zero; None for a constant one. Defaults to None.
        rate_weight: float >= 0; see `keras_vq.tuning.RateDistortion`. Defaults
            to 0.05.
        adapt: bool, whether each trial initializes its codebooks by k-means on
            the training data; see `keras_vq.models.Tokenizer.adapt`. Defaults
            to False.
        **arguments: Arguments of the factory. If they are searched too, these
            values are tried first.

    Raises:
        ValueError: If there is no such factory or argument, or a search is not
            a list or a range.

    Example:

    >>> import keras_tuner
    >>> hypermodel = keras_vq.tuning.HyperModel(
    ...     "vqvae", input_shape=(8, 8, 3), hidden_dim=8,
    ...     search={"num_embeddings": [16, 32], "commitment_cost": (0.1, 2.0)})
    >>> tuner = keras_tuner.RandomSearch(
    ...     hypermodel, objective=hypermodel.objective, max_trials=2)
    >>> images = np.random.uniform(size=(16, 8, 8, 3))
    >>> tuner.search(images, validation_data=(images,), verbose=0)
    >>> best = tuner.get_best_hyperparameters()[0]
    >>> best["num_embeddings"] in (16, 32)
    True
    """

    def __init__(
        self,
        factory,
        search=None,
        fixed=(),
        seed=None,
        decay_steps=None,
        rate_weight=0.05,
        adapt=False,
        **arguments,
    ):
        super().__init__()
        check_choice("factory", factory, FACTORIES)
        check_type("search", search, (dict, type(None)), "a dict or None")
        check_type("fixed", fixed, (tuple, list), "a tuple of names")
        self.factory = FACTORIES[factory]
        self.space = SEARCH_SPACES[factory]
        self.parameters = inspect.signature(self.factory).parameters
        for key in [*arguments, *(search or {}), *fixed]:
            if key not in [*self.parameters, "name"]:
                raise ValueError(
                    f"{factory}() has no argument {key!r}."
                    f"{did_you_mean(key, self.parameters)}"
                )
        for key, choices in (search or {}).items():
            _check_choices(key, choices)
        if search is None:  # None switches a part off: nothing to search
            search = {
                key: _including(choices, arguments.get(key))
                for key, choices in self.space.arguments.items()
                if key not in fixed and arguments.get(key, key) is not None
            }
        self.search = search
        self.seed = check_seed(seed)
        if decay_steps is not None:
            decay_steps = check_int("decay_steps", decay_steps)
        self.decay_steps = decay_steps
        self.rate_weight = check_number("rate_weight", rate_weight, at_least=0)
        self.adapt = check_flag("adapt", adapt)
        self.arguments = arguments

    @property
    def objective(self):
        """`keras_tuner.Objective`, the validation log to minimize."""
        return keras_tuner.Objective(self.space.objective, "min")

    @property
    def rate_distortion(self):
        """`keras_tuner.Objective`, the error plus the weighted bits per pixel.

        Raises:
            ValueError: If the model has no codes.
        """
        if not self.space.has_codes:
            raise ValueError(
                "The objective rate-distortion needs a model with codes. "
                f"Received: {self.factory.__name__}"
            )
        return keras_tuner.Objective("val_rate_distortion", "min")

    def build(self, hp):
        """Build and compile the model of one trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
        """
        arguments = {
            **self.arguments,
            **{key: self.value(hp, key) for key in self.search},
        }
        if self.decay_steps is not None:
            arguments["learning_rate"] = keras.optimizers.schedules.CosineDecay(
                arguments.get("learning_rate", self._default("learning_rate")),
                self.decay_steps,
            )
        if self.seed is not None:
            keras.utils.set_random_seed(self.seed)
        return self.factory(**arguments)

    def fit(self, hp, model, x, *args, callbacks=None, **kwargs):
        """Train the model of one trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: What `build` returned.
            x, *args, callbacks, **kwargs: See `keras.Model.fit`.

        Raises:
            FloatingPointError: If training diverges; the tuner then records a
                failed trial, without NaN in its files, and goes on.
        """
        if self.adapt:
            # The first epoch of a data set that yields several.
            steps = kwargs.get("steps_per_epoch")
            first = x.take(steps) if steps else x
            model.adapt(first, seed=self.seed or 0)
        callbacks = [FiniteCheck(), *(callbacks or [])]
        if self.space.has_codes:
            callbacks.insert(0, RateDistortion(self.rate_weight))
        return model.fit(x, *args, callbacks=callbacks, **kwargs)

    def value(self, hp, key):
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

    def _default(self, key):
        return self.arguments.get(key, self.parameters[key].default)


def _including(choices, value):
    """Choices or a range, extended to include a value unless it is None."""
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
            f"The search of {key!r} must be a list of choices or a range "
            f"(low, high) with 0 < low < high. Received: {choices!r}"
        )
