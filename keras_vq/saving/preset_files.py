"""The files of a preset and what shows that they are whole."""

import hashlib
import json

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"


def digest(data):
    """SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def check_whole(folder):
    """Raise unless a preset's files are there and have their digests.

    Args:
        folder: Path of a preset.

    Raises:
        ValueError: If a file is missing, damaged or another one.
    """
    missing = [
        name
        for name in (CONFIG, METADATA, WEIGHTS)
        if not (folder / name).is_file()
    ]
    if missing:
        raise ValueError(
            f"{folder} is not a whole preset: {', '.join(missing)} is missing. "
            "`save_to_preset` writes one."
        )
    try:
        digests = json.loads((folder / METADATA).read_text())["sha256"]
        expected = {name: digests[name] for name in (CONFIG, WEIGHTS)}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / METADATA} is damaged: it has no SHA-256 digests of "
            f"{CONFIG} and {WEIGHTS} ({error!r})."
        ) from error
    for name, wanted in expected.items():
        found = digest((folder / name).read_bytes())
        if found != wanted:
            raise ValueError(
                f"{folder / name} is damaged or another file: its SHA-256 is "
                f"{found}, {METADATA} says {wanted}. Download or save the "
                "preset again."
            )
