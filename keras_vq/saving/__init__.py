"""Presets: trained models as folders of plain files."""

from keras_vq.saving.preset import Preset

__all__ = ["Preset"]
