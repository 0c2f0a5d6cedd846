from keras import ops

from keras_vq import backend
from keras_vq.samplers.sampler import Sampler


class HeatedSampler(Sampler):
    """A sampler whose temperature is a tensor.

    Args:
        sampler: `keras_vq.samplers.Sampler` of temperature 1.
        temperature: float32 scalar tensor >= 0; 0 takes the most probable
            codes.
    """

    def __init__(self, sampler, temperature):
        super().__init__()
        self.sampler = sampler
        self.is_cold = temperature == 0
        self.temperature = ops.where(self.is_cold, 1.0, temperature)

    def __call__(self, logits, noise):
        drawn = super().__call__(logits, noise)
        return ops.where(self.is_cold, backend.argmax(logits), drawn)

    def probabilities(self, logits):
        return self.sampler.probabilities(logits)
