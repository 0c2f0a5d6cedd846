"""Compare all quantizers in one network: error, perplexity, usage, speed.

    TFDS_DATA_DIR=... python scripts/compare_quantizers.py --images 320000

trains the CIFAR-10 network (8x8 positions) once for each row of three groups,

10 bits     every quantizer at 10 bits per position (FSQ: 1000 codes)
estimator   straight-through and rotation, all else equal
8192 codes  K = 8192 with and without k-means initialization and revival

and prints a Markdown table of results on the test images: the squared error
over the variance of the training images, the perplexity, the codebook usage
(both averaged over several codes per position), and the training images per
second, without the first 20 steps. `--only` selects the rows whose name
contains a word. Rows are written to `--out` as they are measured, and rows
already there are skipped.
"""

import argparse
import pathlib
import time

import keras
import numpy as np

import keras_vq
from keras_vq import layers
from keras_vq.saving.files import written_whole

WARM_UP = 20  # steps in which functions are compiled
DIM = 64


def ema(num_embeddings=1024, dim=DIM, **kwargs):
    return layers.VectorQuantizerEMA(num_embeddings, dim, **kwargs)


# Name: a function that creates the quantizer, and whether to run k-means first.
ROWS = {
    "VectorQuantizer": (lambda: layers.VectorQuantizer(1024, DIM), True),
    "VectorQuantizerEMA": (ema, True),
    "EMA, rotation": (lambda: ema(estimator="rotation"), True),
    "EMA, cosine": (lambda: ema(distance="cosine"), True),
    "EMA, 8 channels": (
        lambda: layers.ProjectedQuantizer(ema(dim=8), DIM),
        True,
    ),
    "Residual, 2 x 32": (
        lambda: layers.ResidualVectorQuantizer(ema(32), 2),
        True,
    ),
    "Grouped, 2 x 32": (
        lambda: layers.GroupedVectorQuantizer(ema(32, DIM // 2), 2),
        True,
    ),
    "FiniteScalar, 8 5 5 5": (layers.FiniteScalarQuantizer, False),
    "LookupFree, 10 bits": (lambda: layers.LookupFreeQuantizer(10), False),
    "LookupFree, spherical": (
        lambda: layers.LookupFreeQuantizer(10, spherical=True),
        False,
    ),
    "Gumbel": (
        lambda: layers.GumbelQuantizer(
            1024,
            DIM,
            temperature=keras.optimizers.schedules.CosineDecay(
                1.0, ARGUMENTS.images // ARGUMENTS.batch_size, alpha=0.1
            ),
        ),
        False,
    ),
    "Sim": (lambda: layers.SimVectorQuantizer(1024, DIM), False),
    "RandomProjection": (
        lambda: layers.RandomProjectionQuantizer(1024, DIM, seed=0),
        False,
    ),
    "EMA, K=8192": (lambda: ema(8192), True),
    "EMA, K=8192, neither k-means nor revival": (
        lambda: ema(8192, revival_threshold=None),
        False,
    ),
    "EMA, K=8192, rotation": (
        lambda: ema(8192, estimator="rotation"),
        True,
    ),
}
HEADER = [
    "quantizer",
    "bits",
    "MSE/variance",
    "perplexity",
    "usage",
    "images/s",
]


class Clock(keras.callbacks.Callback):
    """Records when the steps after the warm-up begin."""

    steps = 0

    def on_train_batch_begin(self, batch, logs=None):
        if self.steps == WARM_UP:
            self.start = time.perf_counter()
        self.steps += 1


def measure(make, by_k_means):
    """The cells of one row."""
    keras.utils.set_random_seed(0)
    size = ARGUMENTS.batch_size
    epochs = -(-ARGUMENTS.images // 50_000)
    steps = ARGUMENTS.images // size
    train = keras_vq.data.load("cifar10", "train", size, epochs=range(epochs))
    test = keras_vq.data.load("cifar10", f"test[:{ARGUMENTS.test_images}]", 500)
    start = np.concatenate(list(train.take(64).as_numpy_iterator()))
    model = keras_vq.zoo.vqvae(
        hidden_dim=ARGUMENTS.hidden_dim,
        quantizer=make(),
        data_variance=float(np.var(start)),
        learning_rate=keras.optimizers.schedules.CosineDecay(1e-3, steps),
    )
    if by_k_means:
        model.adapt(start)
    clock = Clock()
    # The data set shuffles itself.
    model.fit(train.take(steps), shuffle=False, verbose=0, callbacks=[clock])
    seconds = time.perf_counter() - clock.start
    logs = model.evaluate(test, verbose=0, return_dict=True)

    def mean_of(name):
        values = [v for key, v in logs.items() if key.startswith(name)]
        return float(np.mean(values))

    return [
        f"{model.code_bits / np.prod(model.code_shape[:2]):.2f}",
        f"{logs['reconstruction_loss']:.4f}",
        f"{mean_of('perplexity'):.0f}",
        f"{mean_of('codebook_usage'):.2f}",
        f"{(steps - WARM_UP) * size / seconds:.0f}",
    ]


def line(cells):
    return f"| {' | '.join(cells)} |"


def main():
    table = [line(HEADER), line(["---"] * len(HEADER))]
    if ARGUMENTS.out and ARGUMENTS.out.exists():
        table = ARGUMENTS.out.read_text().splitlines()
    print("\n".join(table), flush=True)
    for name, (make, by_k_means) in ROWS.items():
        done = any(row.startswith(f"| {name} |") for row in table)
        if done or (ARGUMENTS.only and ARGUMENTS.only not in name):
            continue
        table.append(line([name, *measure(make, by_k_means)]))
        print(table[-1], flush=True)
        if ARGUMENTS.out:
            with written_whole(ARGUMENTS.out) as path:
                path.write_text("\n".join(table) + "\n")
        keras.utils.clear_session()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=320_000)
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--hidden-dim", type=int, default=128)
    parser.add_argument("--only")
    parser.add_argument("--out", type=pathlib.Path)
    ARGUMENTS = parser.parse_args()
    main()
