"""van den Oord et al. 2017, section 3.2, in NumPy loops."""

import numpy as np

# Squared distances that differ by less could be swapped by rounding.
MIN_GAP = 1e-5


def nearest(z, embeddings):
    """Indices (N,) of the code nearest to each of N vectors."""
    embeddings = embeddings.astype("float64")
    indices = []
    for vector in z.astype("float64"):
        distances = np.sum((vector - embeddings) ** 2, axis=1)
        indices.append(int(np.argmin(distances)))
    return np.array(indices, "int64")


def gap(z, embeddings):
    """Squared distance to the second nearest code minus the nearest, (N,)."""
    distances = np.sum((z[:, None] - embeddings[None]) ** 2, axis=-1)
    distances.sort(axis=1)
    return distances[:, 1] - distances[:, 0]


def unambiguous_nearest(z, embeddings):
    """`nearest`, after checking that rounding cannot change the result."""
    assert gap(z, embeddings).min(initial=1.0) > MIN_GAP
    return nearest(z, embeddings)


def straight_through(z, codes, upstream):
    """Gradient of sum(upstream * quantized) with respect to z."""
    return upstream


class VectorQuantizer:
    def __init__(
        self,
        embeddings,
        commitment_cost=0.25,
        codebook_cost=1.0,
        estimator=straight_through,
    ):
        self.embeddings = embeddings.astype("float64")
        self.commitment_cost = commitment_cost
        self.codebook_cost = codebook_cost
        self.estimator = estimator
        self.weights, self.state = [self.embeddings], []

    def step(self, z, upstream):
        indices = unambiguous_nearest(z, self.embeddings)
        codes = self.embeddings[indices]
        losses, (to_z, *to_weights) = self.losses(z, indices)
        self.update(z, indices)
        to_z += self.estimator(z, codes, upstream)
        outputs = {"quantized": codes, "indices": indices, **losses}
        return outputs, [to_z, *to_weights]

    def losses(self, z, indices):
        """Losses, a dict, and gradients of its `loss`: z, then weights."""
        error = 0.0
        to_z, to_embeddings = np.zeros(z.shape), np.zeros(self.embeddings.shape)
        for n, k in enumerate(indices):
            difference = z[n] - self.embeddings[k]
            error += np.sum(difference**2) / z.size
            to_z[n] = self.commitment_cost * 2 * difference / z.size
            to_embeddings[k] -= self.codebook_cost * 2 * difference / z.size
        losses = {
            "codebook_loss": error,
            "commitment_loss": error,
            "loss": (self.codebook_cost + self.commitment_cost) * error,
        }
        return losses, [to_z, to_embeddings]

    def update(self, z, indices):
        """Update the codebook after a step: nothing to do here."""
