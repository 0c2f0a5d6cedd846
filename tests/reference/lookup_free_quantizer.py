"""Yu et al. 2023, section 3.1, over the table of all codes."""

import itertools

import numpy as np


def all_codes(dim, scale):
    """The 2^D codes, the first channel being the least significant bit."""
    signs = itertools.product((-scale, scale), repeat=dim)
    return np.array([code[::-1] for code in signs])


def entropy(p):
    return -sum(x * np.log(x) for x in np.ravel(p) if x > 0)


def forward(z, inverse_temperature, spherical):
    """quantized, indices and the unweighted losses, of z (N, D)."""
    z = z.astype("float64")
    if spherical:
        z = np.array([vector / np.sqrt(np.sum(vector**2)) for vector in z])
    scale = z.shape[1] ** -0.5 if spherical else 1.0
    codes = all_codes(z.shape[1], scale)
    quantized, indices, entropies = [], [], []
    bits = np.zeros(z.shape[1])
    for vector in z:
        distances = np.sum((vector - codes) ** 2, axis=1)
        k = int(np.argmin(distances))
        indices.append(k)
        quantized.append(codes[k])
        p = np.exp(-inverse_temperature * (distances - distances[k]))
        p /= p.sum()
        entropies.append(entropy(p))
        bits += p @ (codes > 0) / len(z)
    quantized = np.array(quantized)
    losses = {
        "sample_entropy": np.mean(entropies),
        "batch_entropy": sum(entropy([p, 1 - p]) for p in bits),
        "commitment_loss": np.mean((z - quantized) ** 2),
    }
    return quantized, np.array(indices), losses
