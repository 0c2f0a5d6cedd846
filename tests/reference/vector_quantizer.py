"""van den Oord et al. 2017, section 3.2 and appendix A.1, in NumPy loops."""

import numpy as np


def nearest(z, embeddings):
    """Indices (N,) of the nearest code to each of N vectors."""
    indices = []
    for vector in z.astype("float64"):
        distances = [
            np.sum((vector - code) ** 2)
            for code in embeddings.astype("float64")
        ]
        indices.append(int(np.argmin(distances)))
    return np.array(indices, "int64")


def gap(z, embeddings):
    """How much farther than the nearest code the second nearest is, (N,)."""
    distances = np.sum((z[:, None] - embeddings[None]) ** 2, axis=-1)
    distances.sort(axis=1)
    return distances[:, 1] - distances[:, 0]


def losses(z, embeddings, indices):
    """codebook_loss and commitment_loss, which have the same value."""
    total = 0.0
    for vector, k in zip(z, indices, strict=True):
        total += np.sum((vector - embeddings[k]) ** 2)
    return total / z.size, total / z.size


def gradients(z, embeddings, indices, upstream, commitment_cost):
    """Of sum(upstream * quantized) + loss, to z and to the embeddings."""
    grad_z = np.zeros_like(z)
    grad_embeddings = np.zeros_like(embeddings)
    for n, k in enumerate(indices):
        difference = 2 * (z[n] - embeddings[k]) / z.size
        grad_z[n] = upstream[n] + commitment_cost * difference
        grad_embeddings[k] -= difference
    return grad_z, grad_embeddings


class MovingAverageCodebook:
    """Counts, sums and embeddings under the exponential moving average."""

    def __init__(self, embeddings, decay, epsilon):
        self.embeddings = embeddings.astype("float64")
        self.counts = np.ones(len(embeddings))
        self.sums = self.embeddings.copy()
        self.decay, self.epsilon = decay, epsilon

    def update(self, z):
        indices = nearest(z, self.embeddings)
        for k in range(len(self.counts)):
            mine = z[indices == k].astype("float64")
            self.counts[k] = self.decay * self.counts[k] + (
                1 - self.decay
            ) * len(mine)
            self.sums[k] = self.decay * self.sums[k] + (
                1 - self.decay
            ) * mine.sum(axis=0)
        total = self.counts.sum()
        for k in range(len(self.counts)):
            smoothed = (
                (self.counts[k] + self.epsilon)
                / (total + len(self.counts) * self.epsilon)
                * total
            )
            self.embeddings[k] = self.sums[k] / smoothed
        return indices
