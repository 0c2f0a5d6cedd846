"""Schedules of iterative models: how inputs are corrupted, and the way back."""

from keras_vq.schedules.corruption import Absorbing
from keras_vq.schedules.corruption import Corruption
from keras_vq.schedules.corruption import MaskAndReplace
from keras_vq.schedules.masking import ArccosMasking
from keras_vq.schedules.masking import CosineMasking
from keras_vq.schedules.masking import Masking
from keras_vq.schedules.noising import LinearBetas
from keras_vq.schedules.noising import Noising
from keras_vq.schedules.noising import RectifiedFlow
from keras_vq.schedules.noising import ScaledLinearBetas
from keras_vq.schedules.solvers import DDIM
from keras_vq.schedules.solvers import DDPM
from keras_vq.schedules.solvers import DPMSolver
from keras_vq.schedules.solvers import Euler
from keras_vq.schedules.solvers import Heun
from keras_vq.schedules.solvers import Solver
from keras_vq.schedules.solvers import get_solver

__all__ = [
    "DDIM",
    "DDPM",
    "Absorbing",
    "ArccosMasking",
    "Corruption",
    "CosineMasking",
    "DPMSolver",
    "Euler",
    "Heun",
    "LinearBetas",
    "MaskAndReplace",
    "Masking",
    "Noising",
    "RectifiedFlow",
    "ScaledLinearBetas",
    "Solver",
    "get_solver",
]
