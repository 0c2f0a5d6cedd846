import os
import sys
from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import Dataset
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import Settings
from keras_vq.cli.pictures import generate
from keras_vq.cli.pictures import interpolate
from keras_vq.cli.pictures import reconstruct
from keras_vq.cli.pictures import traverse

app = typer.Typer(
    name="keras-vq",
    help="Train tokenizers of images and take them away. The environment "
    "variable KERAS_BACKEND selects tensorflow, jax or torch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def train(
    recipe: Annotated[
        Optional[str],
        typer.Argument(help="Name of a recipe in the zoo, or a TOML file."),
    ] = None,
    dataset: Dataset = None,
    settings: Settings = None,
    epochs: Annotated[
        Optional[int], typer.Option(help="Epochs to train.", min=1)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A trial run of a minute or two.")
    ] = False,
    out: Annotated[
        Optional[Path],
        typer.Option(help="Folder to make. [default: runs/RECIPE]"),
    ] = None,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Continue the run in this folder where it stopped."),
    ] = None,
) -> None:
    """Train a model by a recipe, with pictures after each epoch.

    Example: keras-vq train vqvae_mnist --epochs 5 --set num_embeddings=64
    """
    from keras_vq.cli.train import resume_training
    from keras_vq.cli.train import start_training

    if resume is not None:
        if recipe or dataset or settings or epochs or quick or out:
            raise ValueError(
                "--resume continues a run as it was started and goes with no "
                "other argument."
            )
        resume_training(resume)
        return
    if recipe is None:
        raise ValueError("Give a RECIPE to train, or --resume DIR.")
    start_training(recipe, dataset, settings or [], epochs, quick, out)


@app.command()
def tune(
    recipe: Annotated[
        Optional[str],
        typer.Argument(help="Name of a recipe in the zoo, or a TOML file."),
    ] = None,
    tuner: Annotated[
        str, typer.Option(help="random, bayesian, hyperband or grid.")
    ] = "random",
    max_trials: Annotated[
        int, typer.Option(help="Trials, but for hyperband.", min=1)
    ] = 12,
    objective: Annotated[
        str,
        typer.Option(help="default (the error), or rate-distortion."),
    ] = "default",
    dataset: Dataset = None,
    settings: Settings = None,
    search: Annotated[
        Optional[list[str]],
        typer.Option(
            help="What to search, choices [32, 64] or a range 0.1..2; may be "
            "repeated.",
            metavar="KEY=VALUES",
        ),
    ] = None,
    epochs: Annotated[
        Optional[int], typer.Option(help="Epochs of a trial.", min=1)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Trials as short as train's.")
    ] = False,
    out: Annotated[
        Optional[Path],
        typer.Option(help="Folder to make. [default: runs/tune_RECIPE]"),
    ] = None,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Continue the search in this folder."),
    ] = None,
) -> None:
    """Search for the best arguments of a recipe, with KerasTuner.

    On several machines: the same command with KerasTuner's environment
    variables for a chief and workers, and --out in a folder that all see.

    Example: keras-vq tune vqvae_mnist --search num_embeddings=[64,256]
    """
    from keras_vq.cli.tune import resume_search
    from keras_vq.cli.tune import start_search

    if resume is not None:
        if recipe or dataset or settings or search or epochs or quick or out:
            raise ValueError(
                "--resume continues a search as it was started and goes with "
                "no other argument."
            )
        resume_search(resume)
        return
    if recipe is None:
        raise ValueError("Give a RECIPE to search, or --resume DIR.")
    start_search(
        recipe,
        tuner,
        max_trials,
        objective,
        dataset,
        settings or [],
        search or [],
        epochs,
        quick,
        out,
    )


@app.command()
def tokenize(
    run: RunDir,
    directory: Annotated[Path, typer.Argument(help="Folder to make.")],
    dataset: Annotated[
        Optional[str],
        typer.Option(help="Other data than the run's.", metavar="NAME|FOLDER"),
    ] = None,
    split: Annotated[
        Optional[list[str]],
        typer.Option(
            help="May be repeated. [default: train and test]", metavar="NAME"
        ),
    ] = None,
    labels: Annotated[bool, typer.Option(help="Write labels too.")] = True,
) -> None:
    """Write the codes of images once, for priors to train on.

    Example: keras-vq tokenize runs/vqvae_mnist mnist_codes
    """
    from keras_vq.cli.tokenize import tokenize_data

    splits = split or ["train", "test"]
    tokenize_data(run, directory, dataset, splits, labels)


@app.command()
def evaluate(
    run: RunDir,
    importance_samples: Annotated[
        Optional[int],
        typer.Option(
            help="Also bound the log-likelihood, by this many samples.", min=1
        ),
    ] = None,
    features: Annotated[
        Optional[str],
        typer.Option(
            help="Also the Fréchet distance of the reconstructions, in the "
            "features of this .keras file.",
            metavar="FILE|inception",
        ),
    ] = None,
    split: Annotated[
        Optional[str],
        typer.Option(help="What to measure on. [default: the test data]"),
    ] = None,
) -> None:
    """Measure a model on the data of its run.

    Example: keras-vq evaluate runs/vae_mnist --importance-samples 500
    """
    from keras_vq.cli.evaluate import evaluate_run

    evaluate_run(run, importance_samples, features, split)


@app.command()
def export(
    run: RunDir,
    directory: Annotated[Path, typer.Argument(help="Folder to make.")],
    version: Annotated[
        Optional[int], typer.Option(help="Make DIRECTORY/VERSION.", min=0)
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Also encode_png and decode_png.")
    ] = False,
    top_k: Annotated[
        Optional[int], typer.Option(help="What `generate` draws from.", min=1)
    ] = None,
    top_p: Annotated[
        Optional[float], typer.Option(help="What `generate` draws from.")
    ] = None,
    jit_compile: Annotated[
        bool,
        typer.Option("--jit-compile", help="Let XLA compile `generate`."),
    ] = False,
    format: Annotated[
        str, typer.Option(help="tf_saved_model or onnx.")
    ] = "tf_saved_model",
) -> None:
    """Write what runs without Keras: encode, decode, generate.

    Example: keras-vq export runs/vqvae_mnist served --version 1
    """
    from keras_vq.cli.export import export_run

    options = {
        "version": version,
        "png": png,
        "top_k": top_k,
        "top_p": top_p,
        "jit_compile": jit_compile,
    }
    given = {k: x for k, x in options.items() if x not in (None, False)}
    export_run(run, directory, format, given)


@app.command()
def info(
    target: Annotated[
        str, typer.Argument(help="A run's folder, a recipe's name or file.")
    ],
) -> None:
    """Describe a run or a recipe: sizes, rate, settings and results.

    Example: keras-vq info vqvae_mnist
    """
    from keras_vq.cli.info import print_info

    print_info(target)


for command in (reconstruct, generate, interpolate, traverse):
    app.command()(command)


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2."""
    # TensorFlow reports its build and its device on every start otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    except (ValueError, OSError) as error:
        if os.environ.get("KERAS_VQ_TRACEBACK"):
            raise
        message = " ".join(str(error).split())
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
