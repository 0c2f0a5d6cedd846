"""Configurations, presets and atomic file writes."""

from keras_vq.saving.config import serializable
from keras_vq.saving.files import written_whole
from keras_vq.saving.preset import find_preset
from keras_vq.saving.preset import from_preset
from keras_vq.saving.preset import save_to_preset

__all__ = [
    "find_preset",
    "from_preset",
    "save_to_preset",
    "serializable",
    "written_whole",
]
