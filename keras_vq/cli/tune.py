import importlib.util
import pathlib
import sys

import rich
from rich.table import Table

from keras_vq.callbacks.plots import save_figure
from keras_vq.cli.run import Run
from keras_vq.cli.search import OBJECTIVES
from keras_vq.cli.search import TUNERS
from keras_vq.cli.search import Search
from keras_vq.cli.search import is_worker
from keras_vq.cli.search import ranges
from keras_vq.cli.train import changed_recipe
from keras_vq.cli.train import check_model
from keras_vq.cli.train import load_data
from keras_vq.cli.train import with_variance
from keras_vq.saving.files import written_whole
from keras_vq.tuning import HyperFactory
from keras_vq.tuning.search_results import search_plot
from keras_vq.tuning.search_results import trial_rows
from keras_vq.tuning.search_results import write_csv
from keras_vq.zoo.recipe import Recipe
from keras_vq.zoo.recipe import parse_setting

# Drawn for every trial, as far as a model logs them.
METRICS = ("val_reconstruction_loss", "val_perplexity")


def start_search(
    name,
    tuner="random",
    max_trials=12,
    objective="default",
    dataset=None,
    settings=(),
    search=(),
    epochs=None,
    quick=False,
    out=None,
):
    """Search; see `keras-vq tune --help` for the arguments."""
    out = out or pathlib.Path("runs") / f"tune_{pathlib.Path(name).stem}"
    if is_worker():
        run_search(Search.wait_for(out))
        return
    _check_choice("--tuner", tuner, TUNERS)
    _check_choice("--objective", objective, OBJECTIVES)
    if tuner == "bayesian" and importlib.util.find_spec("sklearn") is None:
        raise ValueError(
            "--tuner bayesian needs scikit-learn: pip install 'keras_vq[tune]'"
        )
    recipe = changed_recipe(Recipe.load(name), dataset, settings, None)
    trial = recipe.changed(recipe.quick) if quick else recipe
    trial = changed_recipe(trial, None, (), epochs)
    options = {
        "tuner": tuner,
        "max_trials": max_trials,
        "objective": objective,
        "search": dict(parse_setting(text) for text in search),
        "fixed": [
            parse_setting(text)[0].rpartition(".")[2] for text in settings
        ],
    }
    # Before any work is done.
    Run.check_free(out)
    hypermodel = HyperFactory.from_recipe(
        trial, search=ranges(options["search"]) or None
    )
    if objective == "rate-distortion" and not hasattr(
        hypermodel, "rate_distortion"
    ):
        raise ValueError(
            f"--objective rate-distortion is for models with codes, not for "
            f"{trial.model}."
        )
    check_model(trial)
    train, _, steps = load_data(trial)
    trial = with_variance(trial, train, steps)
    run_search(Search.create(out, recipe, trial, options))


def resume_search(path):
    """Continue an interrupted search as if it had never stopped."""
    run_search(Search(path))


def run_search(search):
    """Make the trials that are still to be made, and write the results."""
    train, test, steps = load_data(search.trial)
    hypermodel = search.hypermodel(steps)
    tuner = search.tuner(hypermodel)
    arguments = (
        {}
        if search.options["tuner"] == "hyperband"
        else {"epochs": search.trial.training.epochs}
    )
    try:
        tuner.search(
            train,
            validation_data=test,
            steps_per_epoch=steps,
            shuffle=False,  # the data set does that itself
            verbose=1 if sys.stdout.isatty() else 2,
            **arguments,
        )
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise ValueError(
            f"The search was given up, {lines[0]} The last trial ended with "
            f"{lines[-1]}"
        ) from error
    if is_worker():
        print(f"No trials are left; the chief writes {search.path}.")
        return
    _write_results(search, tuner, list(hypermodel.search))


def _write_results(search, tuner, names):
    path = search.path
    rows = trial_rows(tuner, names)
    write_csv(rows, path / "trials.csv")
    if not any("score" in row for row in rows):
        message = list(tuner.oracle.trials.values())[-1].message or "no word"
        raise ValueError(
            f"No trial of {path} ended well; the last one ended with "
            f"{message.strip().splitlines()[-1]}"
        )
    values = tuner.get_best_hyperparameters()[0].values
    best = search.recipe.changed({name: values[name] for name in names})
    with written_whole(path / "best.toml") as temporary:
        temporary.write_text(best.to_toml())
    done = [row for row in rows if "score" in row]
    drawn = [
        name
        for name in ("num_embeddings", "commitment_cost", *names)
        if len({row.get(name) for row in done} - {None}) > 1
        and all(_is_positive(row[name]) for row in done)  # log scales
    ]
    drawn = list(dict.fromkeys(drawn))[:2]
    metrics = [name for name in METRICS if name in done[0]] or [
        tuner.oracle.objective.name
    ]
    if drawn:
        save_figure(search_plot(done, drawn, metrics), path / "search.png")
    _report(search, done, names, tuner.oracle.objective.name)


def _report(search, rows, names, objective):
    table = Table(*names, objective, box=None)
    for row in sorted(rows, key=lambda row: row["score"])[:5]:
        values = [row[name] for name in [*names, "score"]]
        table.add_row(
            *(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values)
        )
    rich.print(table)
    best = search.path / "best.toml"
    print(f"Trials:  {search.path / 'trials.csv'}")
    print(f"Picture: {search.path / 'search.png'}")
    print(f"Best:    {best}  (keras-vq train {best})")


def _is_positive(value):
    return isinstance(value, (int, float)) and value > 0


def _check_choice(option, value, known):
    if value not in known:
        raise ValueError(
            f"{option} must be one of {', '.join(known)}. Received: {value!r}"
        )
