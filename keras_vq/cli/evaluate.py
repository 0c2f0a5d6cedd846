from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import print_table


def evaluate(
    run: RunDir,
    importance_samples: Annotated[
        Optional[int],
        typer.Option(
            help="Also bound the log-likelihood, with this many samples.", min=1
        ),
    ] = None,
    features: Annotated[
        Optional[str],
        typer.Option(
            help="Also compute the Fréchet distance of the reconstructions, "
            "with the features of this .keras model.",
            metavar="FILE|inception",
        ),
    ] = None,
    split: Annotated[
        Optional[str],
        typer.Option(help="Split to evaluate.", show_default="the test data"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Evaluate the model of a run on its data.

    Example: keras-vq evaluate runs/vae_mnist --importance-samples 500
    """
    from keras_vq import recipes

    source = recipes.Run(run)
    results = recipes.evaluate(source, split, features, importance_samples)
    print_table(f"on {split or source.recipe.data.test_split}", results)
