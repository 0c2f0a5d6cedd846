import os
import pathlib

from safetensors import safe_open

from keras_vq.networks.local_weights import local_weights

FILE = "lpips_vgg16.safetensors"
VARIABLE = "KERAS_VQ_LPIPS"
NAMES = [f"lin{i}.model.1.weight" for i in range(5)]


def find_lpips_weights(weights=None):
    """Path of the weights of LPIPS.

    Args:
        weights: str or Path, the file of `scripts/convert_lpips.py`, its
            folder, or its URL. Defaults to None: the environment variable
            `KERAS_VQ_LPIPS`, or else `lpips_vgg16.safetensors` in
            `~/.keras/keras_vq`.

    Returns:
        Path.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    home = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras"))
    default = home.expanduser() / "keras_vq" / FILE
    weights = weights or os.environ.get(VARIABLE) or default
    if "://" not in str(weights):
        weights = pathlib.Path(weights).expanduser()
        if weights.is_dir():
            weights = weights / FILE
        if not weights.is_file():
            raise FileNotFoundError(
                f"There are no LPIPS weights at {weights}. keras_vq looks at "
                "the argument `weights_file`, the environment variable "
                f"{VARIABLE} (each a file, a folder or a URL) and {default}. "
                "scripts/convert_lpips.py writes the file. To train without "
                "it, leave out the perceptual loss or pass any `keras.Model` "
                "as `feature_network`."
            )
    return local_weights(weights)


def lpips_channel_weights(path):
    """The calibrated channel weights of the five maps, float32 `(dim,)`.

    Args:
        path: Path of the file of `scripts/convert_lpips.py`.

    Raises:
        ValueError: If the file lacks them.
    """
    with safe_open(path, framework="numpy") as file:
        missing = sorted(set(NAMES) - set(file.keys()))
        if missing:
            raise ValueError(
                f"{path} does not hold weights of LPIPS: it lacks "
                f"{', '.join(missing)}. Write the file with "
                "scripts/convert_lpips.py."
            )
        return [file.get_tensor(name).reshape(-1) for name in NAMES]
