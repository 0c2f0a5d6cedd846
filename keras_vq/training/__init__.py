"""One training step, written once and run by each backend's own trainer."""

from keras_vq.training.optimizer_group import OptimizerGroup
from keras_vq.training.trainer import Trainer

__all__ = ["OptimizerGroup", "Trainer"]
