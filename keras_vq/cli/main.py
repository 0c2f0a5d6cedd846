import os
import sys

import typer

from keras_vq.cli.evaluate import evaluate
from keras_vq.cli.export import export
from keras_vq.cli.generate import generate
from keras_vq.cli.info import info
from keras_vq.cli.interpolate import interpolate
from keras_vq.cli.reconstruct import reconstruct
from keras_vq.cli.tokenize import tokenize
from keras_vq.cli.train import train
from keras_vq.cli.traverse import traverse
from keras_vq.cli.tune import tune

app = typer.Typer(
    name="keras-vq",
    help="Train and export image tokenizers, and priors over their codes. The "
    "environment variable KERAS_BACKEND selects tensorflow, jax or torch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    train,
    tune,
    tokenize,
    evaluate,
    reconstruct,
    generate,
    interpolate,
    traverse,
    export,
    info,
):
    app.command()(command)


def main() -> None:
    """Run a command; bad input ends in a one-line error and exit code 2."""
    # Otherwise TensorFlow reports its build and device at every start.
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
