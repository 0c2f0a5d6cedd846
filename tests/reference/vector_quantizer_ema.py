"""van den Oord et al. 2017, appendix A.1, code by code."""

import numpy as np

from tests.reference.vector_quantizer import VectorQuantizer


class VectorQuantizerEMA(VectorQuantizer):
    """Codes are moving averages of their vectors."""

    def __init__(
        self,
        embeddings,
        commitment_cost=0.25,
        decay=0.99,
        epsilon=1e-5,
        revival_threshold=None,
        **kwargs,
    ):
        super().__init__(embeddings, commitment_cost, **kwargs)
        self.counts = np.ones(len(embeddings))
        self.sums = self.embeddings.copy()
        self.decay, self.epsilon = decay, epsilon
        self.revival_threshold = revival_threshold
        self.weights = []
        self.state = [self.embeddings, self.counts, self.sums]

    def step(self, z, upstream, draws=None):
        outputs, gradients = super().step(z, upstream)
        if draws is not None:
            self.revive(z, draws)
        return outputs, gradients

    def losses(self, z, indices):
        losses, (to_z, _) = super().losses(z, indices)
        error = losses["commitment_loss"]
        losses = {
            "commitment_loss": error,
            "loss": self.commitment_cost * error,
        }
        return losses, [to_z]

    def update(self, z, indices):
        for k in range(len(self.counts)):
            mine = z[indices == k]
            self.counts[k] *= self.decay
            self.counts[k] += (1 - self.decay) * len(mine)
            self.sums[k] *= self.decay
            self.sums[k] += (1 - self.decay) * mine.sum(axis=0)
        total = self.counts.sum()
        for k in range(len(self.counts)):
            smoothed = (
                (self.counts[k] + self.epsilon)
                / (total + len(self.counts) * self.epsilon)
                * total
            )
            self.embeddings[k] = self.sums[k] / smoothed

    def revive(self, z, draws):
        """Move rarely used codes to vectors drawn by K uniform numbers."""
        mean = self.counts.mean()
        for k, draw in enumerate(draws):
            if self.counts[k] < self.revival_threshold * mean:
                vector = z[int(draw * len(z))]
                self.counts[k] = mean
                self.sums[k] = mean * vector
                self.embeddings[k] = vector
