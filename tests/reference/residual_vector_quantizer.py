"""Zeghidour et al. 2021, section III-C, vector by vector."""

import numpy as np

from tests.reference import vector_quantizer as one


def stages(z, codebooks):
    """Residuals and indices of each stage, and the sum of codes."""
    residual, total = z.astype("float64"), np.zeros(z.shape)
    residuals, indices = [], []
    for codebook in codebooks:
        residuals.append(residual)
        found = one.nearest(residual, codebook)
        indices.append(found)
        codes = np.array([codebook[k] for k in found], "float64")
        total = total + codes
        residual = residual - codes
    return residuals, indices, total


def losses(z, codebooks):
    """Sums over stages of codebook and commitment loss."""
    residuals, indices, _ = stages(z, codebooks)
    parts = [
        one.losses(r, codebook, k)
        for r, codebook, k in zip(residuals, codebooks, indices, strict=True)
    ]
    return np.sum(parts, axis=0)


def gradients(z, codebooks, upstream, commitment_cost):
    """Of sum(upstream * quantized) + loss, to z and to each codebook.

    The upstream gradient reaches z once; each stage's commitment loss adds its
    own, since the codes taken away are constants.
    """
    residuals, indices, _ = stages(z, codebooks)
    grad_z, grad_codes = np.array(upstream, "float64"), []
    for r, codebook, k in zip(residuals, codebooks, indices, strict=True):
        to_r, to_codes = one.gradients(
            r, codebook.astype("float64"), k, np.zeros(z.shape), commitment_cost
        )
        grad_z += to_r
        grad_codes.append(to_codes)
    return grad_z, grad_codes
