from keras import ops

from keras_vq import backend
from keras_vq.samplers.sampler import Sampler


class GreedySampler(Sampler):
    """Takes the most probable code, the first of equals.

    Example:

    >>> sampler = keras_vq.samplers.GreedySampler()
    >>> sampler(np.array([[0.0, 2.0, 1.0]]), np.array([0.9]))
    array([1], dtype=int32)
    """

    def __init__(self):
        super().__init__()

    def __call__(self, logits, noise):
        return backend.argmax(ops.convert_to_tensor(logits))

    def get_config(self):
        return {}
