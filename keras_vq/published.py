"""The zoo's folders: recipes, cards, results and small trained weights."""

import pathlib

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
