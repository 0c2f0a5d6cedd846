"""Arguments and options that several commands share."""

import tomllib
from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

RunDir = Annotated[Path, typer.Argument(help="Folder that `train` created.")]
RecipeName = Annotated[
    Optional[str],
    typer.Argument(help="Name of a recipe in the zoo, or a TOML file."),
]
Images = Annotated[
    Optional[list[Path]],
    typer.Argument(help="Image files. [default: the run's test data]"),
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
    typer.Option(help="PNG file to write. [default: in the run's folder]"),
]


def parse_settings(texts):
    """Parse `"key=value"` texts to a dict; values are TOML, or else strings."""
    settings = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ValueError(f"Expected KEY=VALUE. Received: {text!r}")
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
