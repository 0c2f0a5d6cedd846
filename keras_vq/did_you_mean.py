import difflib


def did_you_mean(name, known):
    """Hint for an error message: the known name closest to `name`.

    Args:
        name: str, the received name.
        known: Iterable of str.

    Returns:
        str with a leading space, or `""` if no name is close.
    """
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
