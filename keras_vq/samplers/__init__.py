"""How a code is drawn from logits."""

from keras_vq.samplers.get import get
from keras_vq.samplers.greedy_sampler import GreedySampler
from keras_vq.samplers.random_sampler import RandomSampler
from keras_vq.samplers.sampler import Sampler
from keras_vq.samplers.top_k_sampler import TopKSampler
from keras_vq.samplers.top_p_sampler import TopPSampler
from keras_vq.samplers.uniform_noise import uniform_noise

__all__ = [
    "GreedySampler",
    "RandomSampler",
    "Sampler",
    "TopKSampler",
    "TopPSampler",
    "get",
    "uniform_noise",
]
