"""Callbacks that draw figures, save checkpoints and warn of problems."""

from keras_vq.callbacks.code_projection import CodeProjection
from keras_vq.callbacks.codebook_monitor import CodebookMonitor
from keras_vq.callbacks.codebook_plot import CodebookPlot
from keras_vq.callbacks.epoch_checkpoint import EpochCheckpoint
from keras_vq.callbacks.latent_interpolation import LatentInterpolation
from keras_vq.callbacks.latent_traversal import LatentTraversal
from keras_vq.callbacks.level_reconstructions import LevelReconstructions
from keras_vq.callbacks.reconstruction_grid import ReconstructionGrid
from keras_vq.callbacks.sample_grid import SampleGrid
from keras_vq.callbacks.tensorboard import TensorBoard

__all__ = [
    "CodeProjection",
    "CodebookMonitor",
    "CodebookPlot",
    "EpochCheckpoint",
    "LatentInterpolation",
    "LatentTraversal",
    "LevelReconstructions",
    "ReconstructionGrid",
    "SampleGrid",
    "TensorBoard",
]
