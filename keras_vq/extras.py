"""Packages that not every installation has."""

import importlib
import importlib.util

# What `pip install` takes, by the module to import.
_PACKAGES = {
    "apache_beam": "keras_vq[beam]",
    "dask": "keras_vq[beam]",
    "distributed": "keras_vq[beam]",
    "huggingface_hub": "keras_vq[hub]",
    "keras_tuner": "keras-tuner",
    "matplotlib": "keras_vq[plots]",
    "sklearn": "keras_vq[tune]",
    "soundfile": "keras_vq[audio]",
    "soxr": "keras_vq[audio]",
    "av": "keras_vq[video]",
    "tensorboard": "keras_vq[tensorboard]",
    "tensorflow": "tensorflow",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_serving": "keras_vq[serving]",
    "tf2onnx": "keras_vq[onnx]",
}


def is_installed(module):
    """Whether a module could be imported, without importing it.

    Args:
        module: str, name of a top-level module.
    """
    return importlib.util.find_spec(module) is not None


def require(purpose, *modules):
    """Check that modules are installed.

    Args:
        purpose: str, what needs them: the start of the error message.
        *modules: str, names of top-level modules.

    Raises:
        ImportError: If one is missing, with the command that installs it.
    """
    missing = [name for name in modules if not is_installed(name)]
    if missing:
        packages = " ".join(f"'{_PACKAGES[name]}'" for name in missing)
        raise ImportError(
            f"{purpose} needs {' and '.join(missing)}. Install with: pip "
            f"install {packages}"
        )
