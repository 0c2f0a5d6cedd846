"""Training step of the quantizer, against a matrix product and a library.

    python scripts/bench_quantizers.py --rounds 5

times, for each (N, K, D) and backend, one step of `VectorQuantizerEMA` for N
vectors (forward, backward, update of the codebook), and prints what it is to

floor    the product of N x D by D x K of the same backend, which any search
         by distances needs; it writes its N x K numbers to memory, which a
         step need not do, so that a step can take less
library  the same step of the PyTorch package vector-quantize-pytorch, which is
         left out where it is not installed

and the memory that the first step took, its compilation included, beyond what
the process had before (on Linux, where the kernel counts it). Last comes the
memory of a step where all scores together would be 16 GiB.

Each backend runs in a process of its own; all are asked in turn, round by
round, and the least time of each counts, which is what other programs on the
machine disturb least. `--threads 1` keeps each process to one core.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import resource
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


class Worker:
    """A child process that times one thing each time it is asked."""

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
    """Answer, on stdout, what is asked on stdin."""
    step, floor = (library if kind == "library" else ours)(size)
    for line in sys.stdin:
        if line.strip() == "memory":
            answer = peak_memory_of(step)
        else:
            run = {"step": step, "floor": floor}[line.strip()]
            start = time.perf_counter()
            run()
            answer = time.perf_counter() - start
        print("answer", answer, flush=True)


def peak_memory_of(step):
    """Bytes that `step()` took at most, beyond those in use before it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the kernel
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is counted anew from what is in use
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * (after - before)


def inputs(size):
    import numpy as np

    n, k, d = size
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, d), "float32")
    return z, rng.standard_normal((k, d), "float32")


def ours(size):
    """A step of our layer and the bare product, each until it has ended."""
    import keras
    from keras import ops

    from keras_vq.layers import VectorQuantizerEMA

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

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=True)  # as `fit` does
        def step():
            with tf.GradientTape() as tape:
                tape.watch(z)
                loss = loss_of(layer(z, training=True))
            return tape.gradient(loss, z)

        product = tf.function(product)

        def wait(x):
            return x[0, 0].numpy()

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

        product, wait = jax.jit(product), jax.block_until_ready
    else:
        z.requires_grad_(True)

        def step():
            loss_of(layer(z, training=True)).backward()
            z.grad = None

        def wait(_):
            """PyTorch has computed when it returns."""

    return (
        lambda: wait(step()),
        lambda: wait(product(ops.stop_gradient(z), codes)),
    )


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

    return step, lambda: None


def measure(kinds, size, options):
    """dict of dicts: seconds and bytes of each kind of process."""
    workers = {kind: Worker(kind, size, options.threads) for kind in kinds}
    found = {}
    for kind, worker in workers.items():
        found[kind] = {"memory": worker.ask("memory")}
        worker.ask("step"), worker.ask("floor")  # first ones also allocate
    times = {kind: {"floor": [], "step": []} for kind in kinds}
    for number in range(options.rounds):
        for kind, worker in workers.items():
            for what in ("floor", "step"):
                times[kind][what].append(worker.ask(what))
        print(f"{size}: round {number + 1}", file=sys.stderr)
    for kind, worker in workers.items():
        found[kind] |= {what: min(t) for what, t in times[kind].items()}
        worker.__exit__()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        cores = sorted(os.sched_getaffinity(0))[: options.threads]
        os.sched_setaffinity(0, cores)  # before a backend counts them
        serve(options.child, options.size)
        return

    kinds = list(options.backends)
    if importlib.util.find_spec("vector_quantize_pytorch"):
        kinds.append("library")
    print(f"{options.threads} threads, {options.rounds} rounds\n")
    print("| N, K, D | | floor, ms | step, ms | step / floor ", end="")
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
            label = "{:,}, {:,}, {:,}".format(*size)
            floor = "" if kind == "library" else f"{1e3 * floor:.0f}"
            print(
                f"| {label} | {kind} | {floor} | {1e3 * step:.0f} {ratios} | "
                f"{cells['memory'] / 2**20:.0f} |",
                flush=True,
            )
    print("\n| N, K, D | | memory of a step, MiB |\n|---|---|---|")
    for kind in options.backends:
        worker = Worker(kind, LARGE, options.threads)
        label = "{:,}, {:,}, {:,}".format(*LARGE)
        memory = worker.ask("memory") / 2**20
        print(f"| {label} | {kind} | {memory:.0f} |", flush=True)
        worker.__exit__()


if __name__ == "__main__":
    main()
