"""Jang et al. 2017, section 2.2, vector by vector."""

import numpy as np


def softmax(x):
    p = np.exp(x - x.max())
    return p / p.sum()


def kl(logits):
    p = softmax(logits)
    return sum(x * np.log(x * len(p)) for x in p)


def step(z, weights, noise, temperature, upstream, kl_cost, hard):
    """One training step's forward pass and gradients.

    Args:
        z: (N, D).
        weights: kernel (D, K), bias (K,), embeddings (K, D).
        noise: (N, K), of the Gumbel distribution.
        temperature: float.
        upstream: (N, D), the gradient at `quantized`.
        kl_cost: float.
        hard: bool.

    Returns:
        quantized (N, D), indices (N,), kl_loss, and the gradients of
        sum(upstream * quantized) + loss to z, kernel, bias and embeddings.
    """
    kernel, bias, embeddings = (w.astype("float64") for w in weights)
    quantized, indices, losses = np.zeros(z.shape), [], []
    grads = [np.zeros(x.shape) for x in (z, *weights)]
    for n, vector in enumerate(z.astype("float64")):
        logits = vector @ kernel + bias
        soft = softmax((logits + noise[n]) / temperature)
        k = int(np.argmax(soft))
        used = np.eye(len(bias))[k] if hard else soft
        quantized[n] = used @ embeddings
        indices.append(k)
        losses.append(kl(logits))

        grads[3] += np.outer(used, upstream[n])
        to_soft = embeddings @ upstream[n]
        to_logits = soft * (to_soft - soft @ to_soft) / temperature
        p = softmax(logits)
        slope = np.log(p) + 1
        to_logits += kl_cost / len(z) * p * (slope - p @ slope)
        grads[0][n] = kernel @ to_logits
        grads[1] += np.outer(vector, to_logits)
        grads[2] += to_logits
    return quantized, np.array(indices), np.mean(losses), grads
