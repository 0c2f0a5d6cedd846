"""Schedules of iterative models: how many codes are masked, and when."""

from keras_vq.schedules.masking import ArccosMasking
from keras_vq.schedules.masking import CosineMasking
from keras_vq.schedules.masking import Masking

__all__ = ["ArccosMasking", "CosineMasking", "Masking"]
