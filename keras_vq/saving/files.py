"""Atomic writes of files and folders."""

import contextlib
import os
import pathlib
import shutil
import tempfile

# Prefix of the folders that hold unfinished files.
TEMPORARY = ".tmp-"


@contextlib.contextmanager
def written_whole(path):
    """Context manager: a temporary path that is renamed to `path` at the end.

    Create a file or folder at the temporary path, which is beside `path` and
    has its suffix. When the block ends, it is renamed to `path`, replacing an
    existing file; after an error it is removed.

    Args:
        path: str or Path.

    Raises:
        FileNotFoundError: If the parent folder does not exist.
        PermissionError: If the parent folder cannot be written to.

    Example:

    ```python
    with written_whole("model.keras") as temporary:
        model.save(temporary)
    ```
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"Cannot write {path}: the folder {path.parent} does not exist."
        )
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(
            f"Cannot write {path}: no permission to write to {path.parent}."
        )
    folder = pathlib.Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        temporary = folder / path.name
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
