from keras import ops

from keras_vq.samplers.sampler import Sampler


class RandomSampler(Sampler):
    """Draws from the whole softmax.

    Args:
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Example:

    >>> sampler = keras_vq.samplers.RandomSampler()
    >>> sampler(np.zeros((2, 4)), np.array([0.1, 0.9]))
    array([0, 3], dtype=int32)
    """

    def probabilities(self, logits):
        return ops.softmax(logits, axis=-1)
