from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Dataset
from keras_vq.cli.options import RecipeName
from keras_vq.cli.options import Settings
from keras_vq.cli.options import parse_settings
from keras_vq.cli.options import resumable


def tune(
    recipe: RecipeName = None,
    tuner: Annotated[
        Optional[str],
        typer.Option(
            help="random, bayesian, hyperband or grid.", show_default="random"
        ),
    ] = None,
    max_trials: Annotated[
        Optional[int],
        typer.Option(
            help="Number of trials; hyperband ignores it.",
            min=1,
            show_default="12",
        ),
    ] = None,
    objective: Annotated[
        Optional[str],
        typer.Option(
            help="default (the error), or rate-distortion.",
            show_default="default",
        ),
    ] = None,
    dataset: Dataset = None,
    settings: Settings = None,
    search: Annotated[
        Optional[list[str]],
        typer.Option(
            help="What to search: choices [32, 64] or a range 0.1..2. "
            "Repeatable.",
            metavar="KEY=VALUES",
        ),
    ] = None,
    epochs: Annotated[
        Optional[int], typer.Option(help="Epochs per trial.", min=1)
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Short trials, as in `train --quick`."),
    ] = False,
    out: Annotated[
        Optional[Path],
        typer.Option(help="Folder to create.", show_default="runs/tune_RECIPE"),
    ] = None,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Resume the interrupted search in this folder."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Search for the best arguments of a recipe, with KerasTuner.

    On several machines, run the same command with KerasTuner's environment
    variables for a chief and workers, and --out in a shared folder.

    Example: keras-vq tune vqvae_mnist --search num_embeddings=[64,256]
    """
    from keras_vq import recipes
    from keras_vq.recipes.search import default_search_path
    from keras_vq.recipes.search import is_worker

    if resume is not None:
        others = (recipe, dataset, settings, search, epochs, quick, out)
        if any((*others, tuner, max_trials, objective)):
            raise ValueError(
                "--resume continues a search as it was started; it takes no "
                "other arguments."
            )
        with resumable("tune", resume):
            found = recipes.resume_search(resume)
    elif recipe is None:
        raise ValueError("Give a RECIPE to search, or --resume DIR.")
    else:
        out = out or default_search_path(recipe)
        with resumable("tune", out):
            found = recipes.search(
                recipe,
                parse_settings(search),
                tuner or "random",
                max_trials or 12,
                objective or "default",
                out,
                dataset,
                parse_settings(settings),
                epochs,
                quick,
            )
    if is_worker():
        print(f"No trials are left; the chief writes {found.path}.")
    else:
        _report(found)


def _report(found):
    """Print the best five trials and where to find the rest."""
    import csv

    import rich
    from rich.table import Table

    with (found.path / "trials.csv").open(
        newline="", encoding="utf-8-sig"
    ) as file:
        trials = list(csv.DictReader(file))
    rows = [row for row in trials if row["score"]]
    names = found.searched
    table = Table(*names, "score", box=None)
    for row in sorted(rows, key=lambda row: float(row["score"]))[:5]:
        table.add_row(*(_rounded(row[name]) for name in [*names, "score"]))
    rich.print(table)
    best = found.path / "best.toml"
    failed = len(trials) - len(rows)
    note = f"  ({failed} failed: see the column error)" if failed else ""
    print(f"Trials:  {found.path / 'trials.csv'}{note}")
    print(f"Picture: {found.path / 'search.png'}")
    print(f"Best:    {best}  (keras-vq train {best})")


def _rounded(text):
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text
