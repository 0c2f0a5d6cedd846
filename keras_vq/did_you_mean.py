import difflib


def did_you_mean(name, known):
    """A hint for an error message: the known name most like a wrong one.

    Args:
        name: str, what was received.
        known: Iterable of str.

    Returns:
        str, with a space before it, or `""` where none is like it.
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
