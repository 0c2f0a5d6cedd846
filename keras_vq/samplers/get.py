from keras_vq.samplers.greedy_sampler import GreedySampler
from keras_vq.samplers.random_sampler import RandomSampler
from keras_vq.samplers.sampler import Sampler
from keras_vq.samplers.top_k_sampler import TopKSampler
from keras_vq.samplers.top_p_sampler import TopPSampler


def get(temperature=1.0, top_k=None, top_p=None):
    """The sampler that these numbers describe.

    Args:
        temperature: float >= 0, divides the logits; 0 for the most probable
            code. Defaults to 1.0.
        top_k: int >= 1 or None, draw from the k most probable codes. Defaults
            to None.
        top_p: float in (0, 1] or None, draw from the fewest codes that have
            this probability together. Defaults to None.

    Returns:
        A `keras_vq.samplers.Sampler`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> type(keras_vq.samplers.get(temperature=0)).__name__
    'GreedySampler'
    """
    if not temperature >= 0:
        raise ValueError(
            f"`temperature` must be >= 0. Received: temperature={temperature}"
        )
    # Made also where greedy, so that each number is checked.
    heat = temperature or 1.0
    sampler: Sampler
    if top_p is not None:
        sampler = TopPSampler(top_p, top_k, heat)
    elif top_k is not None:
        sampler = TopKSampler(top_k, heat)
    else:
        sampler = RandomSampler(heat)
    return sampler if temperature else GreedySampler()
