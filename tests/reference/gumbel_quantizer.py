"""Jang et al. 2017, section 2.2, vector by vector."""

import numpy as np

# Noisy logits that differ by less could be swapped by rounding.
MIN_GAP = 1e-5


def softmax(x):
    p = np.exp(x - x.max())
    return p / p.sum()


def kl(logits):
    p = softmax(logits)
    return sum(x * np.log(x * len(p)) for x in p)


class GumbelQuantizer:
    """`temperature` is a function of the number of earlier steps.

    Without draws, `step` returns the outputs of inference.
    """

    def __init__(self, kernel, bias, embeddings, temperature, kl_cost, hard):
        self.weights = [x.astype("float64") for x in (kernel, bias, embeddings)]
        self.steps = np.zeros(())
        self.state = [self.steps]
        self.temperature, self.kl_cost = temperature, kl_cost
        self.hard = hard

    def step(self, z, upstream, draws=None):
        kernel, bias, embeddings = self.weights
        temperature = self.temperature(float(self.steps))
        self.steps += 1
        noise = np.zeros((len(z), len(bias)))
        if draws is not None:
            noise = -np.log(-np.log(draws.reshape(noise.shape)))
        quantized, indices, losses = np.zeros(z.shape), [], []
        to_z, *to_weights = (np.zeros(x.shape) for x in (z, *self.weights))
        for n, vector in enumerate(z):
            logits = vector @ kernel + bias
            noisy = logits + noise[n]
            second, first = np.sort(noisy)[-2:]
            assert first - second > MIN_GAP
            soft = softmax(noisy / temperature)
            k = int(np.argmax(soft))
            hard = self.hard or draws is None
            used = np.eye(len(bias))[k] if hard else soft
            quantized[n] = used @ embeddings
            indices.append(k)
            losses.append(kl(logits))

            to_soft = embeddings @ upstream[n]
            to_logits = soft * (to_soft - soft @ to_soft) / temperature
            p = softmax(logits)
            slope = np.log(p) + 1
            to_logits += self.kl_cost / len(z) * p * (slope - p @ slope)
            to_z[n] = kernel @ to_logits
            to_weights[0] += np.outer(vector, to_logits)
            to_weights[1] += to_logits
            to_weights[2] += np.outer(used, upstream[n])
        outputs = {
            "quantized": quantized,
            "indices": np.array(indices),
            "kl_loss": np.mean(losses),
            "loss": self.kl_cost * np.mean(losses),
        }
        return outputs, [to_z, *to_weights]
