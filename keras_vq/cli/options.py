"""Arguments and options that several commands share."""

import contextlib
import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated
from typing import Any
from typing import Optional

import typer

from keras_vq.published import recipe_path


def _known_recipe(name):
    """Reject a mistyped name at once, before the library is imported."""
    if name is not None and not name.endswith(".toml"):
        recipe_path(name)
    return name


def _set_data_dir(path):
    """Make TFDS read there, in this process and its children."""
    if path is not None:
        os.environ["TFDS_DATA_DIR"] = str(path.expanduser())
    return path


RunDir = Annotated[
    Path,
    typer.Argument(
        help="Folder that `train` created, or a published model.",
        metavar="RUN|NAME",
    ),
]
RecipeName = Annotated[
    Optional[str],
    typer.Argument(
        help="Name of a recipe in the zoo, or a TOML file.",
        callback=_known_recipe,
    ),
]
Images = Annotated[
    Optional[list[Path]],
    typer.Argument(help="Image files.", show_default="the run's test data"),
]
Label = Annotated[
    Optional[int],
    typer.Option(help="Class of the images, for a conditional model.", min=0),
]
Steps = Annotated[int, typer.Option(help="Images per row.", min=2)]
Dataset = Annotated[
    Optional[str],
    typer.Option(
        help="Replaces the recipe's data: 'scenes', a TFDS name, or a folder "
        "of images.",
        metavar="NAME|FOLDER",
    ),
]
Settings = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        help="Change a value of the recipe. Repeatable.",
        metavar="KEY=VALUE",
    ),
]
Png = Annotated[
    Optional[Path],
    typer.Option(help="PNG file to write.", show_default="in the run's folder"),
]
DataDir = Annotated[
    Optional[Path],
    typer.Option(
        help="Folder of prepared TFDS data sets.",
        envvar="TFDS_DATA_DIR",
        show_default="~/tensorflow_datasets",
        callback=_set_data_dir,
    ),
]


def parse_settings(texts):
    """Parse `"key=value"` texts to a dict; values are TOML, or else strings."""
    settings: dict[str, Any] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ValueError(f"Expected KEY=VALUE. Received: {text!r}")
        if key in settings:
            raise ValueError(f"{key} is given twice. Received: {text!r}")
        try:
            settings[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            settings[key] = value
    return settings


def print_table(title, values):
    """Print names and numbers as a table."""
    import rich
    from rich.table import Table

    table = Table(title, "", show_header=True, box=None)
    for name, value in values.items():
        table.add_row(name, f"{value:.4g}")
    rich.print(table)


def report_picture(path, figure, description):
    """Save a figure and print where; says so if it replaces a file."""
    from keras_vq.callbacks.plots import save_figure

    verb = "Replaced" if path.exists() else "Wrote"
    save_figure(figure, path)
    print(f"{verb} {path}: {description}")


def write_clips(picture, clips, sample_rate):
    """Write recordings or videos to a folder beside their picture.

    Args:
        picture: Path of the picture; the folder has its name.
        clips: dict from a name to an array of recordings, `(n, time,
            channels)`, or of videos, `(n, frames, height, width, channels)`.
            Images, `(n, height, width, channels)`, are in the picture.
        sample_rate: int or None, of recordings.
    """
    from keras_vq.data.audio import write_audio
    from keras_vq.data.video import write_gif

    rank = next(iter(clips.values())).ndim
    if rank == 4:
        return
    folder = picture.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for name, several in clips.items():
        for number, clip in enumerate(several):
            file = folder / f"{number:02d}_{name}"
            if rank == 3:
                write_audio(f"{file}.wav", clip, sample_rate)
            else:
                write_gif(f"{file}.gif", clip)
    count = sum(map(len, clips.values()))
    noun = "recordings" if rank == 3 else "animations"
    print(f"Wrote {count} {noun} to {folder}.")


@contextlib.contextmanager
def resumable(command, path):
    """Say how to resume a run or search that Ctrl-C or SIGTERM interrupts."""
    try:
        yield
    except KeyboardInterrupt:
        if not path.exists():
            raise
        message = f"Interrupted. Resume: keras-vq {command} --resume {path}"
        print(message, file=sys.stderr)
        sys.exit(130)
