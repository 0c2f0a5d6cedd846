"""Training step of the quantizer, compared with a matrix product and a library.

    python scripts/bench_quantizers.py --rounds 5

times, for each (N, K, D) and backend, one step of `VectorQuantizerEMA` for N
vectors (forward, backward, codebook update), and compares it with

floor    the product N x D by D x K on the same backend, which any
         distance-based search needs; it writes its N x K numbers to memory,
         which a step need not do, so a step can be faster
library  the same step of the PyTorch package vector-quantize-pytorch, skipped
         if it is not installed

It also prints the memory of the first step, compilation included, beyond what
the process used before (Linux only, as counted by the kernel). Two more tables
follow: the memory of a step for which all scores together would take 16 GiB,
and the search at inference, `screened_nearest_code`, beside `nearest_code`.

Each backend runs in its own process. The processes are timed in turn, round by
round, and the minimum of each is reported, which other programs on the machine
disturb least. `--threads 1` restricts each process to one core.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import subprocess
import sys
import time

BACKENDS = ("tensorflow", "jax", "torch")
SIZES = (
    (16_384, 512, 64),
    (16_384, 8_192, 32),
    (4_096, 16_384, 8),
    (65_536, 1_024, 256),
)
LARGE = (65_536, 65_536, 16)
SEARCHES = (
    (4_096, 16_384, 8),
    (4_096, 16_384, 16),
    (4_096, 16_384, 32),
    (4_096, 65_536, 8),
)


class Worker:
    """A child process that runs one measurement per request."""

    def __init__(self, kind, size, threads):
        backend = "torch" if kind == "library" else kind
        self.child = subprocess.Popen(
            [sys.executable, __file__, "--child", kind]
            + [f"--size={json.dumps(size)}", f"--threads={threads}"],
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "OMP_NUM_THREADS": str(threads),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what):
        self.child.stdin.write(what + "\n")
        self.child.stdin.flush()
        while True:
            line = self.child.stdout.readline()
            if not line:
                raise RuntimeError(f"A process failed at {what!r}: see above.")
            if line.startswith("answer "):
                return float(line.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()


def serve(kind, size):
    """Answer requests from stdin on stdout."""
    runs = (library if kind == "library" else ours)(size)
    for line in sys.stdin:
        if line.strip() == "memory":
            answer = peak_memory_of(runs["step"])
        else:
            start = time.perf_counter()
            runs[line.strip()]()
            answer = time.perf_counter() - start
        print("answer", answer, flush=True)


def peak_memory_of(step):
    """Peak memory of `step()` in bytes, beyond what was in use before it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # return free memory to the kernel
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # reset the peak to what is in use
    before = _peak_memory()
    step()
    return _peak_memory() - before


def _peak_memory():
    # With `getrusage`, a child would start from its parent's peak.
    with open("/proc/self/status") as file:
        peak = next(line for line in file if line.startswith("VmHWM:"))
    return 1024 * int(peak.split()[1])


def inputs(size):
    import numpy as np

    n, k, d = size
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, d), "float32")
    return z, rng.standard_normal((k, d), "float32")


def ours(size):
    """Our operations and the product, as functions that wait for the result."""
    import keras
    from keras import ops

    from keras_vq.layers import VectorQuantizerEMA
    from keras_vq.ops import nearest_code
    from keras_vq.ops import screened_nearest_code

    z, codes = inputs(size)
    layer = VectorQuantizerEMA(*size[1:])
    layer.build()
    layer.embeddings.assign(codes)
    layer.sums.assign(codes)
    z, codes = ops.convert_to_tensor(z), ops.convert_to_tensor(codes)

    def loss_of(outputs):
        return outputs["loss"] + ops.mean(outputs["quantized"])

    def product(z, codes):
        return ops.matmul(z, ops.transpose(codes))

    functions = {
        "floor": product,
        "search": nearest_code,
        "screened": screened_nearest_code,
    }
    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=True)  # as `fit` does
        def step():
            with tf.GradientTape() as tape:
                tape.watch(z)
                loss = loss_of(layer(z, training=True))
            return tape.gradient(loss, z)

        compiled = tf.function

        def wait(x):
            return x[0].numpy()

    elif backend == "jax":
        import jax

        @jax.jit
        def pure(state, z):
            def loss(z):
                outputs, new = layer.stateless_call([], state, z, training=True)
                return loss_of(outputs), new

            return jax.grad(loss, has_aux=True)(z)

        state = [[jax.numpy.copy(v.value) for v in layer.variables]]

        def step():
            gradient, state[0] = pure(state[0], z)
            return gradient, state[0]

        compiled, wait = jax.jit, jax.block_until_ready
    else:
        import torch

        z.requires_grad_(True)

        def step():
            loss_of(layer(z, training=True)).backward()
            z.grad = None

        compiled = torch.no_grad()

        def wait(_):
            """PyTorch on a CPU returns when it has computed."""
            if torch.cuda.is_available():
                torch.cuda.synchronize()

    def run_of(function):
        function, vectors = compiled(function), ops.stop_gradient(z)
        return lambda: wait(function(vectors, codes))

    runs = {name: run_of(function) for name, function in functions.items()}
    return {"step": lambda: wait(step()), **runs}


def library(size):
    """The same step of vector-quantize-pytorch."""
    import torch
    from vector_quantize_pytorch import VectorQuantize

    z, codes = inputs(size)
    z = torch.tensor(z)[None].requires_grad_(True)
    layer = VectorQuantize(
        dim=size[2], codebook_size=size[1], decay=0.99, commitment_weight=0.25
    )
    codebook = layer._codebook
    codebook.embed.data.copy_(torch.tensor(codes))
    codebook.embed_avg.data.copy_(torch.tensor(codes))

    def step():
        quantized, _, loss = layer(z)
        (loss.sum() + quantized.mean()).backward()
        z.grad = None

    return {"step": step, "floor": lambda: None}


def measure(kinds, size, options):
    """dict of dicts: seconds and bytes of each kind of process."""
    workers = {kind: Worker(kind, size, options.threads) for kind in kinds}
    found = {}
    for kind, worker in workers.items():
        found[kind] = {"memory": worker.ask("memory")}
    times = alternately(workers, ("floor", "step"), options.rounds)
    for kind, worker in workers.items():
        found[kind] |= dict(zip(("floor", "step"), times[kind]))
        worker.__exit__()
    return found


def alternately(workers, names, rounds):
    """Minimum seconds of each measurement, with all workers in turn."""
    for worker in workers.values():
        for name in names:
            worker.ask(name)  # the first call also compiles and allocates
    seconds = {kind: [[] for _ in names] for kind in workers}
    for _ in range(rounds):
        for kind, worker in workers.items():
            for name, found in zip(names, seconds[kind]):
                found.append(worker.ask(name))
    return {kind: [min(s) for s in found] for kind, found in seconds.items()}


def print_steps(options):
    """A training step, compared with the floor and the library."""
    kinds = list(options.backends)
    if importlib.util.find_spec("vector_quantize_pytorch"):
        kinds.append("library")
    print("| N, K, D | backend | floor, ms | step, ms | step / floor ", end="")
    print("| library / step | memory, MiB |\n|---|---|---|---|---|---|---|")
    for size in SIZES:
        found = measure(kinds, size, options)
        for kind, cells in found.items():
            step, floor = cells["step"], cells["floor"]
            ratios = "| | "
            if kind != "library":
                peer = found.get("library", {}).get("step")
                ratios = f"| {step / floor:.2f} | "
                ratios += f"{peer / step:.1f}" if peer else ""
            floor = "" if kind == "library" else f"{1e3 * floor:.0f}"
            print(
                f"| {label(size)} | {kind} | {floor} | {1e3 * step:.0f} "
                f"{ratios} | {cells['memory'] / 2**20:.0f} |",
                flush=True,
            )


def print_memory(options):
    """The memory of the largest step."""
    print("| N, K, D | backend | memory of a step, MiB |\n|---|---|---|")
    for kind in options.backends:
        with Worker(kind, LARGE, options.threads) as worker:
            memory = worker.ask("memory") / 2**20
            print(f"| {label(LARGE)} | {kind} | {memory:.0f} |", flush=True)


def print_searches(options):
    """The search at inference, compared with that in training."""
    print("| N, K, D | backend | nearest, ms | screened, ms | ratio |")
    print("|---|---|---|---|---|")
    for size in SEARCHES:
        workers = {
            k: Worker(k, size, options.threads) for k in options.backends
        }
        times = alternately(workers, ("search", "screened"), options.rounds)
        for kind, (nearest, screened) in times.items():
            print(
                f"| {label(size)} | {kind} | {1e3 * nearest:.0f} "
                f"| {1e3 * screened:.0f} | {nearest / screened:.2f} |",
                flush=True,
            )
            workers[kind].__exit__()


def label(size):
    return "{:,}, {:,}, {:,}".format(*size)


PARTS = {
    "steps": print_steps,
    "memory": print_memory,
    "searches": print_searches,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS))
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=list(PARTS)
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        cores = sorted(os.sched_getaffinity(0))[: options.threads]
        os.sched_setaffinity(0, cores)  # before a backend counts them
        serve(options.child, options.size)
        return
    print(f"{options.threads} threads, {options.rounds} rounds")
    for part in options.parts:
        print()
        PARTS[part](options)


if __name__ == "__main__":
    main()
