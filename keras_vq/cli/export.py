from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import RunDir


def export(
    run: RunDir,
    directory: Annotated[Path, typer.Argument(help="Folder to create.")],
    version: Annotated[
        Optional[int], typer.Option(help="Create DIRECTORY/VERSION.", min=0)
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Add encode_png and decode_png.")
    ] = False,
    top_k: Annotated[
        Optional[int],
        typer.Option(help="Let `generate` sample from the top K codes.", min=1),
    ] = None,
    top_p: Annotated[
        Optional[float],
        typer.Option(help="Let `generate` use nucleus sampling with mass P."),
    ] = None,
    jit_compile: Annotated[
        bool,
        typer.Option("--jit-compile", help="Compile `generate` with XLA."),
    ] = False,
    warmup: Annotated[
        Optional[list[int]],
        typer.Option(
            help="Add warm-up requests of N images for TensorFlow Serving.",
            metavar="N",
            min=1,
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help="tf_saved_model or onnx.")
    ] = "tf_saved_model",
) -> None:
    """Export a model to encode, decode and generate without Keras.

    Example: keras-vq export runs/vqvae_mnist served --version 1
    """
    from keras_vq.export import export_model
    from keras_vq.recipes import Run

    options = {
        "version": version,
        "png": png,
        "top_k": top_k,
        "top_p": top_p,
        "jit_compile": jit_compile,
        "warmup_batch_sizes": warmup or None,
    }
    given = {
        name: value
        for name, value in options.items()
        if value is not None and value is not False  # 0 is given
    }
    export_model(Run(run).model, directory, format, **given)
    if version is not None:
        directory = directory / str(version)
    size = sum(x.stat().st_size for x in directory.rglob("*") if x.is_file())
    print(f"Wrote {directory}, {size / 2**20:.1f} MiB.")
    if format == "tf_saved_model":
        document = directory / "assets.extra" / "signatures.json"
        print(f"Its signatures are described in {document}")
