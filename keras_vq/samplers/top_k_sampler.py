from keras import ops

from keras_vq.samplers.sampler import Sampler


class TopKSampler(Sampler):
    """Draws from the k most probable codes.

    Exactly k: of equal ones at the border, the first.

    Args:
        k: int >= 1.
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Example:

    >>> sampler = keras_vq.samplers.TopKSampler(2)
    >>> logits, noise = np.zeros((3, 4)), np.array([0.1, 0.6, 0.9])
    >>> sampler(logits, noise)
    array([0, 1, 1], dtype=int32)

    References:
        Fan et al., Hierarchical Neural Story Generation, 2018, section 5.4.
    """

    def __init__(self, k, temperature=1.0):
        super().__init__(temperature)
        check_top_k(k)
        self.k = k

    def probabilities(self, logits):
        return ops.where(
            rank(logits) < self.k, ops.softmax(logits, axis=-1), 0.0
        )

    def get_config(self):
        return {**super().get_config(), "k": self.k}


def check_top_k(k):
    """Raise unless `k` is a number of codes."""
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ValueError(f"`top_k` must be an integer >= 1. Received: {k}")


def rank(logits):
    """Place of each code in the order of probability, the first of equals
    before the others: int32 tensor of the shape of `logits`."""
    return ops.argsort(ops.argsort(-logits, axis=-1), axis=-1)
