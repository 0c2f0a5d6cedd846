"""Drawing codes by running the whole network again for each of them."""

import math

import numpy as np

from keras_vq.samplers import uniform_noise
from tests.helpers import to_numpy


def draw(prior, count, labels, noise, choose, logits_of=None):
    """Codes drawn one by one.

    Args:
        prior: A `keras_vq.priors.Prior`.
        count: int, number of examples.
        labels: int array `(count,)` or None.
        noise: float32 array `(count, length)`, or the seed of what
            `Prior.generate` draws by.
        choose: A function of logits `(num_embeddings,)` and a uniform number.
        logits_of: A function of codes and labels; None for the prior.
    """
    length = math.prod(prior.code_shape)
    if isinstance(noise, int):
        noise = uniform_noise(noise, count, length)
    codes = np.zeros((count, *prior.code_shape), "int32")
    flat = codes.reshape(count, length)
    for position in range(length):
        if logits_of is not None:
            logits = logits_of(codes, labels)
        else:
            logits = prior(codes if labels is None else (codes, labels))
        logits = to_numpy(logits).reshape(count, length, -1)[:, position]
        for row, (values, number) in enumerate(
            zip(logits, noise[:, position], strict=True)
        ):
            flat[row, position] = choose(values, number)
    return codes


def random_code(logits, number):
    """The inverse of the cumulative probabilities, in float64."""
    p = np.exp(logits.astype("float64") - logits.max())
    return np.searchsorted(np.cumsum(p) / p.sum(), number, side="right")
