"""The codes that a prior must draw, from the logits of a whole map."""

import math

import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.samplers import uniform_noise
from tests.helpers import to_numpy


def random_code(logits, number):
    """The inverse of the cumulative probabilities, in float64."""
    p = np.exp(logits.astype("float64") - logits.max())
    return np.searchsorted(np.cumsum(p) / p.sum(), number, side="right")


def choices(logits, noise, choose=random_code):
    """The code that each position draws, given the codes before it.

    With the logits of codes that a prior drew, these are the codes again: each
    code was drawn from the logits that the earlier ones gave.

    Args:
        logits: float array `(count, *code_shape, num_embeddings)`.
        noise: float32 array `(count, num_codes)`, or the seed of the one that
            `generate` draws with.
        choose: A function of logits `(num_embeddings,)` and a uniform number.

    Returns:
        NumPy int32 array `(count, *code_shape)`.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    if isinstance(noise, int):
        count = len(logits)
        noise = uniform_noise(noise, count, len(flat) // count)
    drawn = [choose(*pair) for pair in zip(flat, noise.ravel(), strict=True)]
    return np.reshape(drawn, logits.shape[:-1]).astype("int32")


def draw(prior, count, labels, noise, choose=random_code):
    """Codes drawn one by one, running the whole network for each.

    Args:
        prior: `keras_vq.priors.AutoregressivePrior`.
        count: int, number of examples.
        labels: int array `(count,)` or None.
        noise, choose: See `choices`.

    Returns:
        NumPy int32 array `(count, *code_shape)`.
    """
    compute = backend.jit(lambda *x: prior(x if len(x) > 1 else x[0]), prior)
    codes = np.zeros((count, *prior.code_shape), "int32")
    flat = codes.reshape(count, -1)
    for position in range(math.prod(prior.code_shape)):
        x = [codes] if labels is None else [codes, labels]
        logits = compute(*map(ops.convert_to_tensor, x))
        drawn = choices(to_numpy(logits), noise, choose)
        flat[:, position] = drawn.reshape(flat.shape)[:, position]
    return codes
