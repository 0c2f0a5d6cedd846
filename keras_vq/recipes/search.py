import os
import pathlib
import sys
import time
import tomllib

import keras_tuner
import tomli_w

from keras_vq.callbacks.plots import save_figure
from keras_vq.checks import check_choice
from keras_vq.checks import check_path
from keras_vq.checks import check_type
from keras_vq.extras import is_installed
from keras_vq.extras import require
from keras_vq.priors import Prior
from keras_vq.recipes.data import load_training_data
from keras_vq.recipes.recipe import Recipe
from keras_vq.recipes.run import Run
from keras_vq.recipes.run import with_tokenizer
from keras_vq.recipes.train import check_model
from keras_vq.recipes.train import default_path
from keras_vq.recipes.train import resolved
from keras_vq.recipes.train import starts_from_data
from keras_vq.recipes.train import with_variance
from keras_vq.saving.files import written_whole
from keras_vq.saving.locked import locked
from keras_vq.tuning import SEARCH_SPACES
from keras_vq.tuning import HyperModel
from keras_vq.tuning.search_results import search_plot
from keras_vq.tuning.search_results import trial_rows
from keras_vq.tuning.search_results import write_csv

TUNERS = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
    "grid": keras_tuner.GridSearch,
}
OBJECTIVES = ("default", "rate-distortion")
# Plotted for each trial, if the model logs them.
_METRICS = ("val_reconstruction_loss", "val_perplexity")
# KerasTuner's environment variables for several processes.
_DISTRIBUTED = (
    "KERASTUNER_TUNER_ID",
    "KERASTUNER_ORACLE_IP",
    "KERASTUNER_ORACLE_PORT",
)
# Seconds that a worker waits for the chief to create the folder.
_PATIENCE = 300


class Search:
    """The folder of a search.

    `recipe.toml` is the recipe whose arguments are searched, `trial.toml` the
    same with the data and epochs of a trial, `search.toml` holds the options;
    `trials/` belongs to KerasTuner. `trials.csv`, `search.png` and `best.toml`
    are written at the end.

    Args:
        path: str or Path, the folder.

    Raises:
        FileNotFoundError: If it is not the folder of a search.

    Example:

    ```python
    found = keras_vq.recipes.Search("runs/tune_vqvae_mnist")
    found.best.arguments["num_embeddings"]
    ```
    """

    def __init__(self, path):
        self.path = pathlib.Path(check_path("path", path)).expanduser()
        if not (self.path / "search.toml").is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a search: it has no "
                "search.toml. `keras-vq tune` creates one."
            )
        self.recipe = Recipe.load(self.path / "recipe.toml")
        self.trial = Recipe.load(self.path / "trial.toml")
        options = self.path / "search.toml"
        try:
            self.options = tomllib.loads(
                options.read_text(encoding="utf-8-sig")
            )
        except ValueError as error:
            raise ValueError(f"{options} is damaged: {error}") from error

    @classmethod
    def create(cls, path, recipe, trial, options):
        """Create the folder of a new search."""
        path = pathlib.Path(path)
        Run.check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.mkdir()
            (temporary / "recipe.toml").write_text(
                recipe.to_toml(), encoding="utf-8"
            )
            (temporary / "trial.toml").write_text(
                trial.to_toml(), encoding="utf-8"
            )
            (temporary / "search.toml").write_text(
                tomli_w.dumps(options), encoding="utf-8"
            )
        return cls(path)

    @classmethod
    def wait_for(cls, path):
        """Wait until the chief has created a search, and open it."""
        end = time.monotonic() + _PATIENCE
        while not (pathlib.Path(path) / "search.toml").is_file():
            if time.monotonic() > end:
                raise FileNotFoundError(
                    f"The chief did not create {path} within {_PATIENCE} "
                    "seconds. Start it with KERASTUNER_TUNER_ID=chief and the "
                    "same --out, a folder that all machines see."
                )
            time.sleep(0.2)
        return cls(path)

    @property
    def searched(self):
        """list of str, names of the searched arguments."""
        return list(_hypermodel(self.trial, self.options, {}).search)

    @property
    def best(self):
        """`Recipe`, the recipe with the best values found."""
        return Recipe.load(self.path / "best.toml")

    def tuner(self, hypermodel):
        """Create a tuner of KerasTuner, which resumes an interrupted search."""
        options = {"max_trials": self.options["max_trials"]}
        if self.options["tuner"] == "hyperband":
            options = {"max_epochs": self.trial.training.epochs}
        objective = hypermodel.objective
        if self.options["objective"] == "rate-distortion":
            objective = hypermodel.rate_distortion
        return TUNERS[self.options["tuner"]](
            hypermodel,
            objective=objective,
            # KerasTuner takes 0 for no seed.
            seed=1 + self.trial.training.seed,
            directory=self.path,
            project_name="trials",
            # A failed trial, such as one that diverges, ends no search.
            max_consecutive_failed_trials=sys.maxsize,
            **options,
        )


def search(
    recipe,
    choices=None,
    tuner="random",
    max_trials=12,
    objective="default",
    out=None,
    dataset=None,
    settings=None,
    epochs=None,
    quick=False,
):
    """Search for the best arguments of a recipe, with KerasTuner.

    Args:
        recipe: `Recipe`, name of a recipe in the zoo, or path of a TOML file.
        choices: dict or None, what to search: names of arguments to a list of
            choices, or to a range, a tuple or str such as `"0.1..2"`. Defaults
            to None, the search space of `keras_vq.tuning.SEARCH_SPACES`.
        tuner: `"random"`, `"bayesian"`, `"hyperband"` or `"grid"`. Defaults to
            `"random"`.
        max_trials: int, number of trials; not used by Hyperband. Defaults to
            12.
        objective: `"default"` or `"rate-distortion"`; see
            `keras_vq.tuning.HyperModel`. Defaults to `"default"`.
        out: str or Path, folder to create. Defaults to None,
            `runs/tune_NAME`.
        dataset, settings, epochs, quick: See `keras_vq.recipes.train`.
            Arguments in `settings` are not searched; `epochs` and `quick`
            change the trials, not the best recipe.

    Returns:
        `Search`, with the `best` recipe.

    Raises:
        ValueError: If an argument is not valid, or no trial succeeds.
        FileExistsError: If `out` exists.

    Example:

    ```python
    found = keras_vq.recipes.search(
        "vqvae_mnist",
        {"num_embeddings": [64, 256], "commitment_cost": (0.1, 2.0)},
        max_trials=2,
    )
    found.best.arguments["commitment_cost"]
    ```
    """
    out = out or default_search_path(recipe)
    if is_worker():
        return _run(Search.wait_for(out))
    check_choice("tuner", tuner, TUNERS)
    check_choice("objective", objective, OBJECTIVES)
    if tuner == "bayesian":
        require('tuner="bayesian"', "sklearn")
    check_type("choices", choices or {}, dict, "a dict or None")
    trial = resolved(recipe, dataset, settings, epochs, quick)
    recipe = resolved(recipe, dataset, settings)
    options = {
        "tuner": tuner,
        "max_trials": max_trials,
        "objective": objective,
        "search": {key: _as_toml(x) for key, x in (choices or {}).items()},
        "fixed": [key.rpartition(".")[2] for key in settings or {}],
    }
    Run.check_free(out)
    parts = trial.load_parts()
    hypermodel = _hypermodel(trial, options, parts)
    if objective == "rate-distortion":
        hypermodel.rate_distortion  # noqa: B018, raises if there are no codes
    model = trial.build(**parts)
    check_model(trial, model, parts)
    loaded = _load(trial, model, parts)
    trial = with_variance(trial, loaded)
    found = Search.create(out, recipe, trial, options)
    with locked(found.path):
        return _run(found, parts, loaded)


def default_search_path(recipe):
    """The folder of a recipe's search, if no other is given."""
    path = default_path(recipe)
    return path.with_name(f"tune_{path.name}")


def resume_search(path):
    """Resume an interrupted search.

    Args:
        path: str or Path, folder of the search.

    Returns:
        `Search`; see `search`.

    Raises:
        FileNotFoundError: If there is no search in the folder.
        BlockingIOError: If another process is running it.

    Example:

    ```python
    found = keras_vq.recipes.resume_search("runs/tune_vqvae_mnist")
    ```
    """
    found = Search(path)
    if is_worker():
        return _run(found)
    with locked(found.path):
        return _run(found)


def is_worker():
    """Whether KerasTuner's environment variables make this a worker.

    Raises:
        ValueError: If some are missing, or the port is no number.
    """
    given = {k: os.environ[k] for k in _DISTRIBUTED if k in os.environ}
    if not given:
        return False
    if len(given) < 3 or not given[_DISTRIBUTED[-1]].isdecimal():
        raise ValueError(
            "A search by several processes needs the environment variables "
            f"{', '.join(_DISTRIBUTED)} (a number). Received: {given}"
        )
    return "chief" not in given[_DISTRIBUTED[0]]


def _run(found, parts=None, loaded=None):
    """Run the remaining trials and write the results."""
    trial = found.trial
    if parts is None:
        parts = trial.load_parts()
    model = trial.build(**parts)
    if loaded is None:
        loaded = _load(trial, model, parts)
    batches, test, steps = loaded
    adapt = starts_from_data(trial, model, steps)
    hypermodel = _hypermodel(trial, found.options, parts, steps, adapt)
    tuner = found.tuner(hypermodel)
    arguments = {"epochs": trial.training.epochs}
    if found.options["tuner"] == "hyperband":
        arguments = {}
    tuner.search(
        batches,
        validation_data=test,
        steps_per_epoch=steps,
        shuffle=False,  # the data set is already shuffled
        verbose=1 if sys.stdout.isatty() else 2,
        **arguments,
    )
    if not is_worker():
        _write_results(found, tuner)
    return found


def _load(trial, model, parts):
    if isinstance(model, Prior):
        model = with_tokenizer(model, parts)
    return load_training_data(trial, model)


def _hypermodel(trial, options, parts, steps=1, adapt=False):
    """The hypermodel of a recipe whose epochs have `steps` steps."""
    training = trial.training
    cosine = training.schedule == "cosine"
    space = SEARCH_SPACES[trial.model].arguments
    arguments = {**trial.factory_arguments(), **parts}
    return HyperModel(
        trial.model,
        search={k: _from_toml(x) for k, x in options["search"].items()} or None,
        fixed=[k for k in options["fixed"] if k in space],
        seed=training.seed,
        decay_steps=steps * training.epochs if cosine else None,
        adapt=adapt,
        **{"learning_rate": training.learning_rate, **arguments},
    )


def _as_toml(choices):
    """A list, or a range as `"low..high"`."""
    if isinstance(choices, tuple):
        return "..".join(map(str, choices))
    return choices


def _from_toml(choices):
    """A list, or a range as a tuple; other values are returned unchanged."""
    if not isinstance(choices, str):
        return choices
    try:
        numbers = tomllib.loads(f"x = [{choices.replace('..', ', ')}]")["x"]
    except tomllib.TOMLDecodeError:
        return choices
    return tuple(numbers)


def _write_results(found, tuner):
    path, names = found.path, found.searched
    rows = trial_rows(tuner, names)
    write_csv(rows, path / "trials.csv")
    done = [row for row in rows if "score" in row]
    if not done:
        raise ValueError(
            f"No trial of {path} succeeded; the last one ended with "
            f"{rows[-1]['error']}"
        )
    values = tuner.get_best_hyperparameters()[0].values
    best = found.recipe.changed({name: values[name] for name in names})
    with written_whole(path / "best.toml") as temporary:
        temporary.write_text(best.to_toml(), encoding="utf-8")
    candidates = dict.fromkeys(["num_embeddings", "commitment_cost", *names])
    drawn = [
        name
        for name in candidates
        if len({row.get(name) for row in done} - {None}) > 1
        and all(_is_positive(row[name]) for row in done)  # log scales
    ][:2]
    metrics = [name for name in _METRICS if name in done[0]] or [
        tuner.oracle.objective.name
    ]
    if drawn and is_installed("matplotlib"):
        save_figure(search_plot(done, drawn, metrics), path / "search.png")


def _is_positive(value):
    return isinstance(value, (int, float)) and value > 0
