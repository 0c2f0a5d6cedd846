"""Fifty et al. 2024, section 4, with explicit matrices."""

import numpy as np


def gradient(z, codes, upstream):
    """Gradient of sum(upstream * quantized) with respect to z, (N, D)."""
    grad = np.zeros(z.shape)
    for n in range(len(z)):
        a, b = np.linalg.norm(z[n]), np.linalg.norm(codes[n])
        u, q = z[n] / a, codes[n] / b
        r = (u + q) / np.linalg.norm(u + q)
        turn = np.eye(len(u)) - 2 * np.outer(r, r) + 2 * np.outer(q, u)
        np.testing.assert_allclose(b / a * turn @ z[n], codes[n], atol=1e-12)
        grad[n] = b / a * turn.T @ upstream[n]
    return grad
