import contextlib
import pathlib

import filelock


@contextlib.contextmanager
def locked(folder):
    """Context manager: no other process trains or searches in the folder.

    The operating system holds the lock and releases it when the process ends,
    however it ends.

    Args:
        folder: str or Path.

    Raises:
        BlockingIOError: If another process holds it.

    Example:

    ```python
    with locked("runs/vqvae_mnist"):
        ...
    ```
    """
    lock = filelock.FileLock(pathlib.Path(folder) / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise BlockingIOError(
            f"Another process is writing to {folder}. Wait until it ends."
        ) from error
    try:
        yield
    finally:
        lock.release()
