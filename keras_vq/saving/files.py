"""Atomic writes of files and folders."""

import contextlib
import errno
import glob
import json
import os
import pathlib
import platform
import shutil
import tempfile

# Prefix of the folders that hold unfinished files.
TEMPORARY = ".tmp-"
# File in such a folder that shows it to be ours: the process that writes there.
_MARKER = ".keras_vq"


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
        OSError: If the disk is full.

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
    prefix = f"{TEMPORARY}{path.name}-"
    remove_unfinished(path.parent.glob(f"{glob.escape(prefix)}*"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    (folder / _MARKER).write_text(
        f"{platform.node()} {os.getpid()}", encoding="utf-8"
    )
    try:
        temporary = folder / path.name
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            # HDF5 and TensorFlow raise errors of their own with that text.
            if os.strerror(number) in str(error):
                reason = os.strerror(number).lower()
                raise OSError(f"Cannot write {path}: {reason}.") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(folders, and_empty=False):
    """Remove what writers that were killed have left.

    Args:
        folders: Iterable of paths. Those that `written_whole` did not create,
            or whose process is still running or on another machine, are kept.
        and_empty: bool, whether to remove empty folders too, which a writer
            that was killed while it removed its own may leave. Defaults to
            False.
    """
    for folder in list(folders):
        marker = folder / _MARKER
        if not marker.is_file():
            if and_empty and not any(folder.iterdir()):
                folder.rmdir()
            continue
        host, _, process = marker.read_text(encoding="utf-8-sig").rpartition(
            " "
        )
        if host == platform.node() and not _is_running(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process):
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


def read_json(path):
    """The object in a JSON file.

    Args:
        path: Path.

    Returns:
        dict.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged: it is not JSON.") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged: it must hold a JSON object.")
    return value
