import contextlib
import pathlib

from keras_vq.checks import check_int
from keras_vq.saving.files import written_whole


@contextlib.contextmanager
def new_folder(path, version=None):
    """Context manager: a temporary path that becomes `path` or a version in it.

    Args:
        path: str or Path.
        version: int >= 0 or None. With a version the folder is
            `path/version`. Defaults to None.

    Raises:
        FileExistsError: If the folder exists.
        ValueError: If the version is not valid.
        FileNotFoundError, PermissionError: See `written_whole`.
    """
    path = pathlib.Path(path)
    if version is not None:
        check_int("version", version, 0)
    if version is None or (path.exists() and not path.is_dir()):
        _check_free(path, "Remove it or give another path.")
        with written_whole(path) as temporary:
            yield temporary
    elif path.exists():
        target = path / str(version)
        _check_free(target, "Give a higher version.")
        with written_whole(target) as temporary:
            yield temporary
    else:
        with written_whole(path) as temporary:
            temporary.mkdir()
            yield temporary / str(version)


def _check_free(path, hint):
    if path.exists():
        raise FileExistsError(f"Cannot export to {path}: it exists. {hint}")
