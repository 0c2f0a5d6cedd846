"""What several factories do with their arguments."""

import pathlib
from typing import Any

import keras


def load_part(part: Any, name: str) -> Any:
    """A model that is part of another, from its `.keras` file if need be.

    Args:
        part: The path of a `.keras` file; anything else is returned as it is.
        name: Name of the argument, for messages.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not str(part).endswith(".keras"):
        return part
    if not pathlib.Path(part).is_file():
        raise FileNotFoundError(
            f"There is no model for `{name}` at {part}. Give the path of a "
            ".keras file or a model."
        )
    return keras.models.load_model(part, compile=False)


def compile_players(model, learning_rate):
    """Compile with Adam, as the paper does, for each group of variables."""
    model.compile(
        {
            name: keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.9)
            for name in model.variable_groups()
        }
    )
