import os
import pathlib
import time
import tomllib

import keras_tuner
import tomli_w

from keras_vq.cli.run import Run
from keras_vq.saving.files import written_whole
from keras_vq.tuning import HyperFactory
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.recipe import Recipe
from keras_vq.zoo.recipe import parse_setting

TUNERS = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
    "grid": keras_tuner.GridSearch,
}
OBJECTIVES = ("default", "rate-distortion")
# Seconds that a worker waits for the chief to make the folder.
PATIENCE = 300


class Search:
    """The folder that one search fills.

    `recipe.toml` is the recipe whose arguments are searched, `trial.toml` the
    same with the data and the epochs of a trial, `search.toml` says how the
    search goes; `trials/` is KerasTuner's. `trials.csv`, `search.png` and
    `best.toml` come at the end.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not (self.path / "search.toml").is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a search: it has no "
                "search.toml. `keras-vq tune` makes one."
            )
        self.recipe = Recipe.load(self.path / "recipe.toml")
        self.trial = Recipe.load(self.path / "trial.toml")
        self.options = tomllib.loads((self.path / "search.toml").read_text())

    @classmethod
    def create(cls, path, recipe, trial, options):
        """Make the folder of a new search."""
        path = pathlib.Path(path)
        Run.check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.mkdir()
            (temporary / "recipe.toml").write_text(recipe.to_toml())
            (temporary / "trial.toml").write_text(trial.to_toml())
            (temporary / "search.toml").write_text(tomli_w.dumps(options))
        return cls(path)

    @classmethod
    def wait_for(cls, path):
        """The search of which this process is a worker, made by the chief."""
        end = time.monotonic() + PATIENCE
        while not (pathlib.Path(path) / "search.toml").is_file():
            if time.monotonic() > end:
                raise FileNotFoundError(
                    f"The chief has not made {path} in {PATIENCE} seconds. "
                    "Start it with KERASTUNER_TUNER_ID=chief and the same "
                    "--out, a folder that all see."
                )
            time.sleep(0.2)
        return cls(path)

    def hypermodel(self, steps):
        """The hypermodel, for epochs of so many steps."""
        training = self.trial.training
        cosine = training.schedule == "cosine"
        parts = {
            name: load_part(self.trial.factory_arguments()[name], name)
            for name in ("tokenizer", "condition_tokenizer", "first_stage")
            if name in self.trial.arguments
        }
        if training.adapt:
            parts["adapt"] = True
        return HyperFactory.from_recipe(
            self.trial,
            search=ranges(self.options["search"]) or None,
            fixed=self.options["fixed"],
            seed=training.seed,
            decay_steps=steps * training.epochs if cosine else None,
            **parts,
        )

    def tuner(self, hypermodel):
        """KerasTuner's tuner, which goes on where an earlier one stopped."""
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
            **options,
        )


def ranges(search):
    """What `--search` says, for `HyperFactory`.

    A list holds the choices; `"low..high"` is a range.
    """
    return {
        key: _range(value) if isinstance(value, str) else value
        for key, value in search.items()
    }


def _range(text):
    numbers = [parse_setting(f"number={part}")[1] for part in text.split("..")]
    if not all(isinstance(number, (int, float)) for number in numbers):
        return text
    return tuple(numbers)


def is_worker():
    """Whether KerasTuner's environment makes this process a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ and not is_chief()


def is_chief():
    """Whether KerasTuner's environment makes this process the chief."""
    return "chief" in os.environ.get("KERASTUNER_TUNER_ID", "")
