"""Training speed: this library against its peers, measured in one run.

    python scripts/bench_train.py --batch-size 128 --rounds 3

prints two tables. The first has images/s of the CIFAR-10 network (32x32x3,
hidden 128, K=512, D=64) on each backend, with and without jit and with either
upsampling, and the ratio to the same network in plain PyTorch. The second has
the time of our training step divided by that of stock `keras.Model.fit` for the
same network and loss, alternating in one process. Cases run one after the
other, each in its own process, round by round; results are medians over rounds.
Two cases take minutes: compiling with jit on PyTorch, and running JAX without
jit. They run once, in the first round, and only with --all.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

WARM_UP = 4


def is_slow(backend, jit):
    return (backend, jit) in {("torch", True), ("jax", False)}


def cases(backends, slow):
    """(name, backend, kind, jit, upsampling) of each measurement."""
    yield "plain PyTorch", "torch", "peer", None, None
    for backend in backends:
        for jit in (False, True):
            if is_slow(backend, jit) and not slow:
                continue
            for upsampling in ("transposed", "subpixel"):
                name = f"{backend}, {'jit' if jit else 'no jit'}, {upsampling}"
                yield name, backend, "ours", jit, upsampling


def peer_times(batch_size, steps):
    from peer_vqvae import make_step

    step = make_step(batch_size)
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times[WARM_UP:]


def make_fit(kind, jit, upsampling, batch_size, steps):
    """A function that trains for some steps and returns their seconds."""
    import keras
    import numpy as np

    import keras_vq

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.times = []

        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # wait for the step to end
            self.times.append(time.perf_counter() - self.start)

    x = np.random.default_rng(0).random((batch_size, 32, 32, 3), "float32")
    x = np.concatenate([x] * steps)
    model = keras_vq.zoo.vqvae(upsampling=upsampling, data_variance=0.0632)
    clock = Clock()
    options = {"batch_size": batch_size, "verbose": 0, "callbacks": [clock]}
    if kind == "stock":
        model = stock_model(model)
        model.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=jit)
    else:
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit)

    def fit():
        model.fit(x, x, **options)
        return clock.times

    return fit


def keras_times(jit, upsampling, batch_size, steps):
    fit = make_fit("ours", jit, upsampling, batch_size, WARM_UP + steps)
    return fit()[WARM_UP:]


def overhead_ratios(batch_size, turns=8, steps=5):
    """Our seconds per step over those of the stock step, turn by turn."""
    ours, stock = (
        make_fit(kind, "auto", "transposed", batch_size, steps)
        for kind in ("ours", "stock")
    )
    ours(), stock()  # compile
    # The first step of each turn includes the startup of `fit`.
    return [
        statistics.median(ours()[1:]) / statistics.median(stock()[1:])
        for _ in range(turns)
    ]


def stock_model(model):
    """The same network and loss for Keras's own training step."""
    import keras

    model.quantizer.add_losses = True

    class Stock(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = model.encoder
            self.quantizer = model.quantizer
            self.decoder = model.decoder

        def call(self, x, training=False):
            z = self.encoder(2 * x - 1, training=training)
            outputs = self.quantizer(z, training=training)
            return (self.decoder(outputs["quantized"]) + 1) / 2

    return Stock()


def measure(name, backend, *case, batch_size, steps):
    """Median of the times that a child process measures."""
    child = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(case)]
        + [f"--batch-size={batch_size}", f"--steps={steps}"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise RuntimeError(f"{name} failed:\n{child.stderr}")
    return statistics.median(json.loads(child.stdout.splitlines()[-1]))


def measure_here(kind, jit, upsampling, batch_size, steps):
    if kind == "peer":
        return peer_times(batch_size, steps)
    if kind == "overhead":
        return overhead_ratios(batch_size)
    return keras_times(jit, upsampling, batch_size, steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--backends", nargs="+", default=["tensorflow", "jax", "torch"]
    )
    parser.add_argument("--all", action="store_true", help="run slow cases too")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = {"batch_size": options.batch_size, "steps": options.steps}
    if options.child:
        case = json.loads(options.child)
        print(json.dumps(measure_here(*case, **sizes)))
        return

    todo = list(cases(options.backends, options.all))
    seconds = {case[0]: [] for case in todo}
    for number in range(options.rounds):
        for case in todo:
            if number > 0 and is_slow(case[1], case[3]):
                continue
            seconds[case[0]].append(measure(*case, **sizes))
            print(
                f"round {number + 1}: {case[0]}: {seconds[case[0]][-1]:.3f} s",
                file=sys.stderr,
            )
    report(todo, seconds, options)
    print("\n| backend | our step over the stock step |")
    print("|---|---|")
    for backend in options.backends:
        case = ("overhead", None, None)
        over = measure("overhead", backend, *case, **sizes)
        print(f"| {backend} | {over:.3f} |", flush=True)


def report(todo, seconds, options):
    def ratio(a, b):
        """Median over rounds of time a over time b."""
        pairs = zip(seconds[a], seconds[b])
        return statistics.median(x / y for x, y in pairs)

    print(f"\nbatch {options.batch_size}, {os.cpu_count()} cores\n")
    print("| case | s/step | images/s | over plain PyTorch |")
    print("|---|---|---|---|")
    for name, *_ in todo:
        step = statistics.median(seconds[name])
        print(
            f"| {name} | {step:.3f} | {options.batch_size / step:.0f} "
            f"| {ratio('plain PyTorch', name):.2f} |"
        )


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
