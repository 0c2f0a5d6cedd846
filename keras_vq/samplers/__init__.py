"""Samplers of codes from logits, and the noise that they use."""

from keras_vq.samplers.sampler import GreedySampler
from keras_vq.samplers.sampler import RandomSampler
from keras_vq.samplers.sampler import Sampler
from keras_vq.samplers.sampler import TopKSampler
from keras_vq.samplers.sampler import TopPSampler
from keras_vq.samplers.sampler import get
from keras_vq.samplers.uniform_noise import NoiseRows
from keras_vq.samplers.uniform_noise import uniform_noise

__all__ = [
    "GreedySampler",
    "NoiseRows",
    "RandomSampler",
    "Sampler",
    "TopKSampler",
    "TopPSampler",
    "get",
    "uniform_noise",
]
