import zipfile

import h5py
import keras

# A file of Keras has a few members and is not compressed. One that others
# compressed may be this many times larger when it is read, and a little more.
MAX_MEMBERS = 1000
MAX_EXPANSION = 20
_FREE_BYTES = 2**24


def load_model_file(path, **kwargs):
    """The model in a `.keras` file.

    Args:
        path: str or Path.
        **kwargs: See `keras.models.load_model`.

    Raises:
        ValueError: If the file is damaged, would take far more memory than its
            size, or needs classes that are not registered.
    """
    try:
        check_expansion(path)
        return keras.models.load_model(path, **kwargs)
    except TooLargeError:
        raise
    except Exception as error:  # a damaged file can raise any
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"Cannot load {path}: it is damaged or not a .keras file of "
            f"keras_vq ({type(error).__name__}: {first})."
        ) from error


class TooLargeError(ValueError):
    """A file expands to far more than its size."""


def check_expansion(path):
    """Raise if a file of weights or a model expands to far more than its size.

    Sizes are read from the directories of the archive and of the HDF5 file in
    it; nothing is decompressed.

    Args:
        path: str or Path of a `.keras` or `.h5` file.

    Raises:
        TooLargeError: If it does.
    """
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            _check_hdf5(path, file)
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise TooLargeError(
                f"{path} has {len(members)} members. Expected at most "
                f"{MAX_MEMBERS}."
            )
        stored = sum(member.compress_size for member in members)
        size = sum(member.file_size for member in members)
        _check_size(path, size, stored)
        for member in members:
            if member.filename.endswith(".h5"):
                with archive.open(member) as file:
                    _check_hdf5(path, file, member.file_size)


def _check_hdf5(path, file, stored=None):
    if stored is None:
        stored = file.seek(0, 2)
    sizes = []

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            sizes.append(item.nbytes)

    with h5py.File(file, "r") as weights:
        weights.visititems(add)
    _check_size(path, sum(sizes), stored)


def _check_size(path, size, stored):
    if size > MAX_EXPANSION * stored + _FREE_BYTES:
        raise TooLargeError(
            f"{path} would take {size / 2**20:,.0f} MiB of memory for "
            f"{stored / 2**20:.1f} MiB in the file. Expected at most "
            f"{MAX_EXPANSION} times as much. Load a file that you trust with "
            "keras.models.load_model."
        )
