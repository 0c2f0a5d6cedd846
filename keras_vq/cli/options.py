"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

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
Dataset = Annotated[
    Optional[str],
    typer.Option(
        help="Other data: 'scenes', a TFDS name, or a folder of images.",
        metavar="NAME|FOLDER",
    ),
]
Settings = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        help="Change a value of the recipe; may be repeated.",
        metavar="KEY=VALUE",
    ),
]
Png = Annotated[
    Optional[Path],
    typer.Option(help="PNG to write. [default: in the run's folder]"),
]
