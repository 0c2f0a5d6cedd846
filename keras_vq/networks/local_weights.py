import hashlib
import pathlib
import urllib.parse

import keras


def local_weights(weights):
    """Where a file of weights lies, after its download if need be.

    Args:
        weights: str or Path, a file or its URL (`https:`, `http:`, `file:`).
            A URL is downloaded once, to the folder `keras_vq` of Keras's own.

    Returns:
        Path.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If the URL cannot be downloaded.
    """
    url = urllib.parse.urlsplit(str(weights))
    if url.scheme in ("https", "http", "file"):
        # Two files of one name are told apart by their URLs.
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
