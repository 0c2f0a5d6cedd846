"""Vectors scaled to length 1."""

import numpy as np


def l2_normalize(x):
    return np.array([vector / np.linalg.norm(vector) for vector in x])


def gradient(x, upstream):
    """Gradient of sum(upstream * l2_normalize(x)) with respect to x."""
    grad = np.zeros(x.shape)
    for n, vector in enumerate(x):
        length = np.linalg.norm(vector)
        u = vector / length
        grad[n] = (upstream[n] - u * (u @ upstream[n])) / length
    return grad
