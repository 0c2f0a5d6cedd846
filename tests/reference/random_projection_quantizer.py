"""Chiu et al. 2022, section 3.1, with codes projected back."""

from tests.reference.l2_normalize import l2_normalize
from tests.reference.vector_quantizer import unambiguous_nearest


class RandomProjectionQuantizer:
    def __init__(self, projection, embeddings):
        self.projection = projection.astype("float64")
        self.embeddings = embeddings.astype("float64")
        self.weights, self.state = [], [self.projection, self.embeddings]

    def step(self, z, upstream):
        codes = l2_normalize(self.embeddings)
        indices = unambiguous_nearest(l2_normalize(z @ self.projection), codes)
        quantized = codes[indices] @ self.projection.T
        outputs = {"quantized": quantized, "indices": indices, "loss": 0.0}
        return outputs, [upstream]
