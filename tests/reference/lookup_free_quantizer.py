"""Yu et al. 2023, section 3.1, with a table of all codes."""

import itertools

import numpy as np

from tests.reference.l2_normalize import gradient
from tests.reference.l2_normalize import l2_normalize
from tests.reference.vector_quantizer import unambiguous_nearest


def all_codes(dim, scale):
    """All 2^D codes; the first channel is the least significant bit."""
    signs = itertools.product((-scale, scale), repeat=dim)
    return np.array([code[::-1] for code in signs])


def entropy(p):
    return -sum(x * np.log(x) for x in np.ravel(p) if x > 0)


class LookupFreeQuantizer:
    def __init__(
        self,
        dim,
        entropy_cost,
        diversity,
        commitment_cost,
        inverse_temperature,
        spherical,
    ):
        self.codes = all_codes(dim, dim**-0.5 if spherical else 1.0)
        self.entropy_cost, self.diversity = entropy_cost, diversity
        self.commitment_cost = commitment_cost
        self.inverse_temperature = inverse_temperature
        self.spherical = spherical
        self.weights, self.state = [], []

    def step(self, z, upstream):
        if not self.spherical:
            return self.step_inside(z, upstream)
        outputs, (to_inside,) = self.step_inside(l2_normalize(z), upstream)
        return outputs, [gradient(z, to_inside)]

    def step_inside(self, z, upstream):
        indices = unambiguous_nearest(z, self.codes)
        quantized = self.codes[indices]
        p = [self.probabilities(vector) for vector in z]
        batch_entropy, to_batch = self.batch_entropy(np.mean(p, axis=0))
        losses = {
            "sample_entropy": np.mean([entropy(each) for each in p]),
            "batch_entropy": batch_entropy,
            "commitment_loss": np.mean((z - quantized) ** 2),
        }
        entropies = (
            losses["sample_entropy"] - self.diversity * losses["batch_entropy"]
        )
        losses["loss"] = (
            self.entropy_cost * entropies
            + self.commitment_cost * losses["commitment_loss"]
        )

        # Chain rule: entropies, code probabilities, vectors.
        to_z = np.zeros(z.shape)
        for n, vector in enumerate(z):
            to_p = -np.log(p[n]) - self.diversity * to_batch
            to_logits = p[n] * (to_p - p[n] @ to_p) / len(z)
            # Of -(z - c)^2 without z^2, which all codes share.
            to_vector = 2 * self.inverse_temperature * to_logits @ self.codes
            to_z[n] = upstream[n] + self.entropy_cost * to_vector
            difference = vector - quantized[n]
            to_z[n] += self.commitment_cost * 2 * difference / z.size
        outputs = {"quantized": quantized, "indices": indices, **losses}
        return outputs, [to_z]

    def batch_entropy(self, p):
        """Entropy of mean code probabilities, and its gradient."""
        if not self.spherical:
            return entropy(p), -np.log(p)
        positive = self.codes > 0  # (K, D)
        bits = p @ positive
        by_bits = sum(entropy([b, 1 - b]) for b in bits)
        return by_bits, positive @ np.log((1 - bits) / bits)

    def probabilities(self, vector):
        """Softmax of the negative squared distances to all codes."""
        distances = np.sum((vector - self.codes) ** 2, axis=1)
        p = np.exp(-self.inverse_temperature * (distances - distances.min()))
        return p / p.sum()
