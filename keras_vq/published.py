"""The zoo's folders: recipes, cards, results and small trained weights."""

import pathlib

from keras_vq.did_you_mean import did_you_mean

RECIPE = "recipe.toml"

# In a wheel they lie inside the package, in a checkout beside it.
_ROOTS = (
    pathlib.Path(__file__).parent / "zoo" / "published",
    pathlib.Path(__file__).parents[1] / "zoo",
)


def published(file):
    """The zoo's entries that have a certain file.

    Args:
        file: str, such as `"recipe.toml"`.

    Returns:
        dict, names in alphabetical order to the entries' folders.
    """
    found = {
        path.parent.name: path.parent
        for root in _ROOTS
        for path in root.glob(f"*/{file}")
    }
    return dict(sorted(found.items()))


def recipe_path(name):
    """The TOML file of a recipe of the zoo.

    Args:
        name: str.

    Returns:
        Path.

    Raises:
        ValueError: If the zoo has no such recipe.
    """
    known = published(RECIPE)
    if name not in known:
        raise ValueError(
            f"Unknown recipe {name!r}.{did_you_mean(name, known)} The zoo has "
            f"{', '.join(known)}. The path of a .toml file is valid too."
        )
    return known[name] / RECIPE
