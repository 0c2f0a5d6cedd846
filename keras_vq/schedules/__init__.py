"""Schedules of iterative models: how codes are masked or replaced, and when."""

from keras_vq.schedules.corruption import Absorbing
from keras_vq.schedules.corruption import Corruption
from keras_vq.schedules.corruption import MaskAndReplace
from keras_vq.schedules.masking import ArccosMasking
from keras_vq.schedules.masking import CosineMasking
from keras_vq.schedules.masking import Masking

__all__ = [
    "Absorbing",
    "ArccosMasking",
    "Corruption",
    "CosineMasking",
    "MaskAndReplace",
    "Masking",
]
