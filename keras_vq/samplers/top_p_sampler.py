from keras import ops

from keras_vq.samplers.sampler import Sampler
from keras_vq.samplers.top_k_sampler import check_top_k
from keras_vq.samplers.top_k_sampler import rank


class TopPSampler(Sampler):
    """Draws from the fewest codes that have a probability of p together.

    At least one code is left.

    Args:
        p: float in (0, 1].
        k: int >= 1 or None, further draws from no more than k codes. Defaults
            to None.
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Example:

    >>> sampler = keras_vq.samplers.TopPSampler(0.6)
    >>> logits = np.log([[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]])
    >>> sampler(logits, np.array([0.1, 0.99]))
    array([0, 2], dtype=int32)

    References:
        Holtzman et al., The Curious Case of Neural Text Degeneration, 2020,
        section 3.1.
    """

    def __init__(self, p, k=None, temperature=1.0):
        super().__init__(temperature)
        if not 0 < p <= 1:
            raise ValueError(f"`top_p` must be in (0, 1]. Received: {p}")
        if k is not None:
            check_top_k(k)
        self.p = p
        self.k = k

    def probabilities(self, logits):
        probabilities = ops.softmax(logits, axis=-1)
        order = ops.argsort(-logits, axis=-1)
        ordered = ops.take_along_axis(probabilities, order, axis=-1)
        before = ops.cumsum(ordered, axis=-1) - ordered
        count = ops.sum(
            ops.cast(before < self.p, "int32"), axis=-1, keepdims=True
        )
        if self.k is not None:
            count = ops.minimum(count, self.k)
        return ops.where(rank(logits) < count, probabilities, 0.0)

    def get_config(self):
        return {**super().get_config(), "p": self.p, "k": self.k}
