import os
import pathlib

from safetensors import safe_open

from keras_vq.networks.local_weights import local_weights
from keras_vq.saving.config import refuse_while_loading

FILE = "lpips_vgg16.safetensors"
VARIABLE = "KERAS_VQ_LPIPS"
NAMES = [f"lin{i}.model.1.weight" for i in range(5)]


def find_lpips_weights(weights=None):
    """Find the file of LPIPS weights.

    Args:
        weights: str, Path or None, the file written by
            `scripts/convert_lpips.py`, its folder, or its URL. None uses the
            environment variable `KERAS_VQ_LPIPS` if set, and otherwise
            `lpips_vgg16.safetensors` in `~/.keras/keras_vq`. Defaults to None.

    Returns:
        Path.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    if weights is not None:
        refuse_while_loading(f"the LPIPS weights {weights}")
    home = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras"))
    default = home.expanduser() / "keras_vq" / FILE
    weights = weights or os.environ.get(VARIABLE) or default
    if "://" not in str(weights):
        weights = pathlib.Path(weights).expanduser()
        if weights.is_dir():
            weights = weights / FILE
        if not weights.is_file():
            raise FileNotFoundError(
                f"No LPIPS weights found at {weights}. Set `weights_file` or "
                f"the environment variable {VARIABLE} to a file, folder or "
                f"URL, or put the file at {default}. Create the file with "
                "scripts/convert_lpips.py. To train without LPIPS, remove the "
                "perceptual loss or pass a `keras.Model` as `feature_network`."
            )
    return local_weights(weights)


def lpips_channel_weights(path):
    """Load the calibrated channel weights of the five feature maps.

    Args:
        path: Path of the file written by `scripts/convert_lpips.py`.

    Returns:
        list of float32 arrays `(dim,)`.

    Raises:
        ValueError: If the file does not contain them.
    """
    with safe_open(path, framework="numpy") as file:
        missing = sorted(set(NAMES) - set(file.keys()))
        if missing:
            raise ValueError(
                f"{path} does not contain LPIPS weights. Missing: "
                f"{', '.join(missing)}. Create the file with "
                "scripts/convert_lpips.py."
            )
        return [file.get_tensor(name).reshape(-1) for name in NAMES]
