"""Time to sample codes, compared with two other loops.

    KERAS_BACKEND=jax python scripts/bench_sampling.py

Three loops sample the same number of codes from the same untrained network:

cached      `generate`: one compiled loop that caches receptive fields
recomputed  one compiled loop that runs the whole network for each code
predict     the loop of the Keras PixelCNN tutorial: one `predict` call per
            code, from Python

The two slow loops sample only the first `--positions` codes of a map. Each code
costs them the same, so their time is scaled to the whole map.
"""

import argparse
import itertools
import math
import time

import keras
import numpy as np
import rich
from keras import ops
from rich.table import Table

from keras_vq import backend
from keras_vq import networks
from keras_vq import priors
from keras_vq import samplers

# Name: code shape, K, samples per batch.
TASKS = {
    "8x8, 64 samples": ((8, 8), 512, 64),
    "32x32, 16 samples": ((32, 32), 512, 16),
}


def pixelcnn(code_shape, num_embeddings):
    return networks.PixelCNN(
        code_shape, num_embeddings, hidden_dim=64, num_layers=10
    )


def transformer(code_shape, num_embeddings):
    return networks.Transformer(
        code_shape, num_embeddings, num_layers=6, num_heads=4, hidden_dim=256
    )


def cached(prior, count):
    return lambda: prior.generate(count, seed=0, batch_size=count)


def recomputed(prior, count, positions):
    length = math.prod(prior.code_shape)
    noise = np.random.default_rng(0).random((count, length), "float32")
    sampler = samplers.RandomSampler()

    def draw(codes, noise):
        def step(position, codes):
            logits = prior(ops.reshape(codes, (-1, *prior.code_shape)))
            logits = ops.reshape(logits, (-1, length, prior.num_embeddings))
            code = sampler(logits[:, position], noise[:, position])
            return backend.write(codes, position, code)

        return ops.fori_loop(0, positions, step, codes)

    compiled = backend.jit_loop(draw, prior)
    noise = ops.convert_to_tensor(noise)

    def run():
        codes = ops.zeros((count, length), "int32")
        return ops.convert_to_numpy(compiled(codes, noise))

    return run


def predict(prior, count, positions):
    rng = np.random.default_rng(0)
    prior.compile()

    def draw():
        codes = np.zeros((count, *prior.code_shape), "int32")
        flat = codes.reshape(count, -1)
        for position in range(positions):
            logits = prior.predict(codes, batch_size=count, verbose=0)
            logits = logits.reshape(count, flat.shape[1], -1)[:, position]
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            cdf = np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1)
            hit = (cdf < rng.random((count, 1))).sum(axis=1)
            flat[:, position] = np.minimum(hit, p.shape[1] - 1)
        return codes

    return draw


def seconds(draw, rounds):
    """Seconds of the first call, and the minimum of later ones."""
    times = []
    for _ in range(1 + rounds):
        start = time.perf_counter()
        draw()
        times.append(time.perf_counter() - start)
    return times[0], min(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--positions", type=int, default=16)
    args = parser.parse_args()
    table = Table(title=f"{keras.config.backend()}, seconds for all codes")
    columns = ("", "loop", "first call", "later calls", "µs/code", "to cached")
    for name in columns:
        table.add_column(name, justify="right")
    for name, make in itertools.product(TASKS, (pixelcnn, transformer)):
        code_shape, num_embeddings, count = TASKS[name]
        network = make(code_shape, num_embeddings)
        prior = priors.AutoregressivePrior(network)
        length = math.prod(code_shape)
        part = min(args.positions, length)
        loops = {
            "cached": (cached(prior, count), 1),
            "recomputed": (recomputed(prior, count, part), length / part),
            "predict": (predict(prior, count, part), length / part),
        }
        for loop, (draw, scale) in loops.items():
            first, later = seconds(draw, args.rounds)
            if loop == "cached":
                base = later
            table.add_row(
                f"{make.__name__}, {name}, {prior.count_params():,} parameters",
                loop,
                f"{first:.2f}" if scale == 1 else "",
                f"{scale * later:.3f}",
                f"{1e6 * scale * later / (length * count):.0f}",
                f"{scale * later / base:.1f}",
            )
    rich.print(table)


if __name__ == "__main__":
    main()
