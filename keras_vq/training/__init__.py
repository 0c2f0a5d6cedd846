"""One training step, written once and run by each backend's own trainer."""

from keras_vq.training.model import Model
from keras_vq.training.optimizer_group import OptimizerGroup

__all__ = ["Model", "OptimizerGroup"]
