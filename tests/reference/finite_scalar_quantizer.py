"""Mentzer et al. 2023, section 3, value by value."""

import math

import numpy as np

# Values closer to a rounding threshold could round either way.
MIN_GAP = 1e-5


def bounded(value, level):
    """The value before rounding, and its derivative."""
    half = (level - 1) * (1 + 1e-3) / 2
    offset = 0.5 if level % 2 == 0 else 0.0
    shift = math.atanh(offset / half)
    t = math.tanh(value + shift)
    return half * t - offset, half * (1 - t * t)


class FiniteScalarQuantizer:
    def __init__(self, levels):
        self.levels = levels
        self.weights, self.state = [], []

    def step(self, z, upstream):
        quantized, indices, to_z = np.zeros(z.shape), [], np.zeros(z.shape)
        for n, vector in enumerate(z):
            index, place = 0, 1
            for d, level in enumerate(self.levels):
                value, slope = bounded(vector[d], level)
                assert abs(value - math.floor(value) - 0.5) > MIN_GAP
                quantized[n, d] = round(value) / (level // 2)
                to_z[n, d] = upstream[n, d] * slope / (level // 2)
                index += (round(value) + level // 2) * place
                place *= level
            indices.append(index)
        indices = np.array(indices)
        outputs = {"quantized": quantized, "indices": indices, "loss": 0.0}
        return outputs, [to_z]
