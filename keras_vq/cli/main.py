import functools
import os
import signal
import sys
from typing import Annotated

import typer

import keras_vq
from keras_vq.cli.evaluate import evaluate
from keras_vq.cli.export import export
from keras_vq.cli.generate import generate
from keras_vq.cli.info import info
from keras_vq.cli.interpolate import interpolate
from keras_vq.cli.quiet import quiet
from keras_vq.cli.reconstruct import reconstruct
from keras_vq.cli.tokenize import tokenize
from keras_vq.cli.train import train
from keras_vq.cli.traverse import traverse
from keras_vq.cli.tune import tune


def _interruptible(command):
    """End in one line after Ctrl-C, which Typer does not."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            print("Interrupted: run the same command again.", file=sys.stderr)
            sys.exit(130)

    return run


app = typer.Typer(
    name="keras-vq",
    no_args_is_help=True,
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
    app.command()(_interruptible(quiet(command)))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"keras-vq {keras_vq.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Train and export image tokenizers, and priors over their codes.

    The environment variable KERAS_BACKEND selects tensorflow, jax or torch.
    """


def main() -> None:
    """Run a command.

    Bad input ends in a one-line error and exit code 2, training that diverged
    in exit code 1, Ctrl-C and SIGTERM in exit code 130.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except (ValueError, OSError, ImportError, ArithmeticError) as error:
        if os.environ.get("KERAS_VQ_TRACEBACK"):
            raise
        message = " ".join(str(error).split())
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(1 if isinstance(error, ArithmeticError) else 2)


if __name__ == "__main__":
    main()
