import os
import sys
from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

app = typer.Typer(
    name="keras-vq",
    help="Train tokenizers of images and take them away. The environment "
    "variable KERAS_BACKEND selects tensorflow, jax or torch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RunDir = Annotated[Path, typer.Argument(help="Folder that `train` made.")]
Images = Annotated[
    Optional[list[Path]],
    typer.Argument(help="Image files. [default: of the run's test data]"),
]
Label = Annotated[
    Optional[int],
    typer.Option(help="Their class, for a conditional model.", min=0),
]
Steps = Annotated[int, typer.Option(help="Pictures in a row.", min=2)]
Png = Annotated[
    Optional[Path],
    typer.Option(help="PNG to write. [default: in the run's folder]"),
]


@app.command()
def train(
    recipe: Annotated[
        Optional[str],
        typer.Argument(help="Name of a recipe in the zoo, or a TOML file."),
    ] = None,
    dataset: Annotated[
        Optional[str],
        typer.Option(
            help="Other data: 'scenes', a TFDS name, or a folder of images.",
            metavar="NAME|FOLDER",
        ),
    ] = None,
    settings: Annotated[
        Optional[list[str]],
        typer.Option(
            "--set",
            help="Change a value of the recipe; may be repeated.",
            metavar="KEY=VALUE",
        ),
    ] = None,
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
def reconstruct(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    levels: Annotated[
        bool,
        typer.Option("--levels", help="What each level of a VQ-VAE-2 adds."),
    ] = False,
    out: Png = None,
) -> None:
    """Draw images beside what the model makes of their latents.

    Example: keras-vq reconstruct runs/vqvae_mnist photo.jpg
    """
    from keras_vq.cli.reconstruct import reconstruct_images

    out = out or run / "reconstruction.png"
    reconstruct_images(run, images or [], label, levels, out)


@app.command()
def generate(
    run: RunDir,
    num: Annotated[int, typer.Option(help="Number of samples.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the noise.", min=0)] = 0,
    label: Annotated[
        Optional[int],
        typer.Option(
            help="Class of all samples. [default: each in turn]", min=0
        ),
    ] = None,
    out: Png = None,
) -> None:
    """Draw new images, by a model that can.

    Example: keras-vq generate runs/pixelcnn_mnist --num 64 --out grid.png
    """
    from keras_vq.cli.generate import generate_images

    generate_images(run, num, seed, label, out or run / "samples.png")


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
def interpolate(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    steps: Steps = 8,
    out: Png = None,
) -> None:
    """Draw the way from one image to the next through the latent space.

    Example: keras-vq interpolate runs/vae_mnist
    """
    from keras_vq.cli.latents import interpolate_images

    out = out or run / "interpolation.png"
    interpolate_images(run, images or [], label, steps, out)


@app.command()
def traverse(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    dims: Annotated[
        int, typer.Option(help="Dimensions, the most varied first.", min=1)
    ] = 8,
    steps: Steps = 8,
    out: Png = None,
) -> None:
    """Draw what single dimensions of the latent mean, a row each.

    Example: keras-vq traverse runs/vae_mnist --dims 4
    """
    from keras_vq.cli.latents import traverse_dimensions

    out = out or run / "traversal.png"
    traverse_dimensions(run, images or [], label, dims, steps, out)


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
) -> None:
    """Measure a model on the test data of its run.

    Example: keras-vq evaluate runs/vae_mnist --importance-samples 500
    """
    from keras_vq.cli.evaluate import evaluate_run

    evaluate_run(run, importance_samples, features)


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
