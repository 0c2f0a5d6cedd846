import hashlib
import pathlib
import urllib.parse

import keras


def local_weights(weights):
    """Return the path of a weights file, downloading it if necessary.

    Args:
        weights: str or Path, a file or its URL (`https:`, `http:`, `file:`).
            A URL is downloaded once, to the folder `~/.keras/keras_vq`.

    Returns:
        Path.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the URL cannot be downloaded.
    """
    url = urllib.parse.urlsplit(str(weights))
    if url.scheme in ("https", "http", "file"):
        # The digest distinguishes files with the same name but other URLs.
        digest = hashlib.sha256(str(weights).encode()).hexdigest()[:12]
        name = f"{digest}-{pathlib.PurePosixPath(url.path).name}"
        try:
            path = keras.utils.get_file(
                name, origin=str(weights), cache_subdir="keras_vq"
            )
        except Exception as error:
            raise OSError(
                f"The weights could not be downloaded: {error}. Download the "
                "file by other means and give its path."
            ) from error
        return pathlib.Path(path)
    path = pathlib.Path(weights).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file of weights {path}. Give the path of a file or "
            "its URL."
        )
    return path
