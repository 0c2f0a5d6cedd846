"""Regularizers of a codebook, and numerical gradients."""

import numpy as np

from tests.reference.gumbel_quantizer import softmax
from tests.reference.lookup_free_quantizer import entropy


def code_entropy(z, codes, temperature):
    """Yu et al. 2023, section 3.1: mean entropy minus that of the mean."""
    p = []
    for vector in z:
        distances = np.array([np.sum((vector - code) ** 2) for code in codes])
        p.append(softmax(-distances / temperature))
    return np.mean([entropy(each) for each in p]) - entropy(np.mean(p, axis=0))


def orthogonality(codes):
    """Shin et al. 2021, section 3.2, over all pairs of codes."""
    total = 0.0
    for i, a in enumerate(codes):
        for j, b in enumerate(codes):
            cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            total += (cosine - (i == j)) ** 2
    return total / len(codes) ** 2


def numerical_gradient(f, x, step=1e-5):
    """Gradient of `f` at a float64 array by differences, to about 1e-9."""
    gradient = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        offset = np.zeros(x.shape)
        offset[place] = step
        gradient[place] = (f(x + offset) - f(x - offset)) / (2 * step)
    return gradient
