from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Dataset
from keras_vq.cli.options import RecipeName
from keras_vq.cli.options import Settings
from keras_vq.cli.options import parse_settings
from keras_vq.cli.options import print_table
from keras_vq.cli.options import resumable

_PICTURES = (
    "curves.png",
    "reconstructions",
    "codebook",
    "levels",
    "interpolations",
    "samples",
)


def train(
    recipe: RecipeName = None,
    dataset: Dataset = None,
    settings: Settings = None,
    epochs: Annotated[
        Optional[int], typer.Option(help="Epochs to train.", min=1)
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Short trial run, of a minute or two."),
    ] = False,
    out: Annotated[
        Optional[Path],
        typer.Option(help="Folder to create.", show_default="runs/RECIPE"),
    ] = None,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Resume the interrupted run in this folder."),
    ] = None,
    start: Annotated[
        Optional[str],
        typer.Option(
            "--from",
            help="Train a published model, preset or run further.",
            metavar="NAME|FOLDER",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Train a model from a recipe, with pictures after each epoch.

    Example: keras-vq train vqvae_mnist --epochs 5 --set num_embeddings=64
    """
    from keras_vq import recipes
    from keras_vq.recipes.train import default_path

    if resume is not None:
        if recipe or dataset or settings or epochs or quick or out or start:
            raise ValueError(
                "--resume continues a run as it was started; it takes no other "
                "arguments."
            )
        run = recipes.Run(resume)
        if run.is_complete:
            print(f"{resume} is complete: nothing to resume.")
            return
        print(f"Resuming {resume} after epoch {run.checkpoint()[0]}.")
        with resumable("train", resume):
            run = recipes.resume(resume)
    elif recipe is None and start is None:
        raise ValueError("Give a RECIPE to train, or --resume DIR.")
    else:
        changes = parse_settings(settings)
        if start is not None:
            recipe = recipe or start
            changes["training.preset"] = start
        out = out or default_path(recipe)
        with resumable("train", out):
            run = recipes.train(recipe, out, dataset, changes, epochs, quick)
    print_table("on the test data", run.results)
    paths = [run.path / name for name in _PICTURES]
    if drawn := [str(path) for path in paths if path.exists()]:
        print(f"Pictures: {', '.join(drawn)}")
    print(f"Model:    {run.model_path}")
