"""Mentzer et al. 2023, section 3, value by value."""

import math

import numpy as np


def bounded(value, level):
    """The value before rounding, and its derivative."""
    half = (level - 1) * (1 + 1e-3) / 2
    offset = 0.5 if level % 2 == 0 else 0.0
    shift = math.atanh(offset / half)
    t = math.tanh(value + shift)
    return half * t - offset, half * (1 - t * t)


def forward(z, levels):
    """quantized (N, d), indices (N,) and gap to the nearest rounding (N,)."""
    quantized, indices, gaps = np.zeros(z.shape), [], []
    for n, vector in enumerate(z.astype("float64")):
        index, place, gap = 0, 1, 1.0
        for d, level in enumerate(levels):
            value, _ = bounded(vector[d], level)
            rounded = round(value)
            gap = min(gap, abs(value - math.floor(value) - 0.5))
            quantized[n, d] = rounded / (level // 2)
            index += (rounded + level // 2) * place
            place *= level
        indices.append(index)
        gaps.append(gap)
    return quantized, np.array(indices), np.array(gaps)


def gradient(z, levels, upstream):
    """Of sum(upstream * quantized) to z."""
    grad = np.zeros(z.shape)
    for n, vector in enumerate(z.astype("float64")):
        for d, level in enumerate(levels):
            _, slope = bounded(vector[d], level)
            grad[n, d] = upstream[n, d] * slope / (level // 2)
    return grad
