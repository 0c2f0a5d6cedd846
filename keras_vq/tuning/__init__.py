"""Hyper-parameter search over the factories of the zoo, with KerasTuner."""

from keras_vq.extras import require

require("keras_vq.tuning", "keras_tuner")

from keras_vq.tuning.hyper_model import HyperModel
from keras_vq.tuning.rate_distortion import RateDistortion
from keras_vq.tuning.search_spaces import SEARCH_SPACES
from keras_vq.tuning.search_spaces import SearchSpace

__all__ = ["SEARCH_SPACES", "HyperModel", "RateDistortion", "SearchSpace"]
