"""Discrete representation learning in Keras 3: tokenizers and their priors."""

import importlib
import pathlib
import sys

__version__ = "0.1.0"

__all__ = [
    "LatentGenerator",
    "callbacks",
    "data",
    "export",
    "layers",
    "likelihoods",
    "losses",
    "metrics",
    "models",
    "networks",
    "ops",
    "priors",
    "recipes",
    "regularizers",
    "samplers",
    "schedules",
    "show",
    "training",
    "tuning",
    "zoo",
]


def _is_command():
    """Whether `keras-vq` runs, which answers `--help` without Keras."""
    command = pathlib.PurePath(sys.argv[0]).stem if sys.argv else ""
    return command == "keras-vq" or "keras_vq.cli.main" in sys.orig_argv


# All classes, so that Keras finds them when it loads a file.
if not _is_command():
    from keras_vq import backend  # noqa: F401, checks KERAS_BACKEND first
    from keras_vq import callbacks
    from keras_vq import layers
    from keras_vq import likelihoods
    from keras_vq import losses
    from keras_vq import metrics
    from keras_vq import models
    from keras_vq import networks
    from keras_vq import ops
    from keras_vq import priors
    from keras_vq import regularizers
    from keras_vq import samplers
    from keras_vq import schedules
    from keras_vq import training
    from keras_vq import zoo
    from keras_vq.generator import LatentGenerator
    from keras_vq.notebook import show


def __getattr__(name):
    # Imported on first use: these need TensorFlow (with every backend) or
    # KerasTuner.
    if name in ("data", "export", "recipes", "tuning"):
        importlib.import_module("keras_vq.backend")  # checks KERAS_BACKEND
        return importlib.import_module(f"keras_vq.{name}")
    raise AttributeError(f"module 'keras_vq' has no attribute {name!r}")
