"""Speed and memory on one accelerator, beside plain PyTorch on the same one.

    python scripts/bench_device.py --backends jax torch --out device.json

measures, on each backend and in plain PyTorch,

train      one step of `fit` for the CIFAR-10 VQ-VAE (32x32x3, K=512, D=64), in
           float32 and in mixed bfloat16; the peer repeats a step on a resident
           batch
quantizer  one step of `VectorQuantizerEMA`; the peer is the product of the
           vectors and the codes alone
sample     1,024 codes of a transformer for 16 images; the peer is a transformer
           of the same size with a cache, in a Python loop
pixelcnn   the same of a gated PixelCNN; the peer runs the whole network for
           each code, as public implementations do
vqgan      one step of `fit` for a VQGAN at 256 pixels, with its discriminator
           and without a perceptual loss; the peer's batch is resident

With the part `train`, PyTorch is also measured with `jit_compile=True`.

Each case runs in its own process and has its own peak of memory, that of the
backend's allocator on an accelerator. Cases start until `--minutes` are over.
The file is written after each case; a later run adds the cases that are missing
or failed. `--small` runs tiny sizes, on a CPU too;
`--table FILE` prints a file as a table.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

STEPS, WARM_UP = 20, 5
QUANTIZERS = ((65_536, 1_024, 256), (65_536, 16_384, 8))
SMALL_QUANTIZERS = ((64, 16, 4),)
POLICIES = ("float32", "mixed_bfloat16")


def cases(kinds, small):
    """(kind, part, settings) of each measurement, the most important first."""
    batches = (4,) if small else (128, 1024)
    quantizers = SMALL_QUANTIZERS if small else QUANTIZERS
    for batch in batches:
        for policy in POLICIES:
            for kind in kinds:
                yield kind, "train", {"batch": batch, "policy": policy}
    for size in quantizers:
        for kind in kinds:
            yield kind, "quantizer", {"size": size}
    for part in ("sample", "pixelcnn"):
        for kind in kinds:
            yield kind, part, {"small": small}
    for policy in POLICIES:
        for kind in kinds:
            yield kind, "vqgan", {"policy": policy, "small": small}
    if "torch" in kinds:  # the only backend that does not compile by default
        for batch in batches:
            settings = {"batch": batch, "policy": "float32", "jit": True}
            yield "torch", "train", settings


# === One case, in a child process ===


def median_seconds(step, steps=STEPS):
    """Median seconds of a call that waits for its result."""
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[WARM_UP:])


def fit_seconds(model, images, batch):
    """Median seconds of a step of `fit`."""
    import keras

    class Clock(keras.callbacks.Callback):
        times = []

        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # wait for the step to end
            self.times.append(time.perf_counter() - self.start)

    model.fit(images, batch_size=batch, verbose=0, callbacks=[Clock()])
    return statistics.median(Clock.times[WARM_UP:])


def random_images(batch, size, steps):
    import numpy as np

    images = np.random.default_rng(0).random((batch, size, size, 3), "float32")
    return np.concatenate([images] * steps)


def train(batch, policy, jit="auto"):
    import keras

    import keras_vq

    keras.config.set_dtype_policy(policy)
    model = keras_vq.zoo.vqvae(data_variance=0.0632)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit)
    images = random_images(batch, 32, WARM_UP + STEPS)
    return fit_seconds(model, images, batch)


def train_peer(batch, policy):
    from peer_vqvae import make_step

    return median_seconds(make_step(batch, device(), policy != "float32"))


def quantizer(size):
    from bench_quantizers import ours

    return median_seconds(ours(size)["step"])


def quantizer_peer(size):
    from bench_quantizers import ours

    return median_seconds(ours(size)["floor"])


SAMPLED = {
    "shape": (32, 32),
    "codes": 512,
    "layers": 6,
    "dim": 256,
    "count": 16,
}
SMALL_SAMPLED = {**SAMPLED, "shape": (2, 2), "layers": 1, "dim": 8, "count": 2}


def sample(small):
    import keras_vq

    sizes = SMALL_SAMPLED if small else SAMPLED
    network = keras_vq.networks.Transformer(
        sizes["shape"],
        sizes["codes"],
        num_layers=sizes["layers"],
        hidden_dim=sizes["dim"],
    )
    prior = keras_vq.priors.AutoregressivePrior(network)
    return second_call(lambda: prior.generate(sizes["count"], seed=0))


def sample_peer(small):
    from peer_transformer import make_sampler

    return second_call(
        make_sampler(SMALL_SAMPLED if small else SAMPLED, device())
    )


def pixelcnn(small):
    import keras_vq

    sizes = SMALL_SAMPLED if small else SAMPLED
    network = keras_vq.networks.PixelCNN(
        sizes["shape"], sizes["codes"], num_layers=10
    )
    prior = keras_vq.priors.AutoregressivePrior(network)
    return second_call(lambda: prior.generate(sizes["count"], seed=0))


def pixelcnn_peer(small):
    from peer_pixelcnn import PixelCNN

    sizes = SMALL_SAMPLED if small else SAMPLED
    network = PixelCNN(sizes["shape"], sizes["codes"]).to(device())
    return second_call(lambda: network.generate(sizes["count"]))


def second_call(draw):
    """Seconds of the second call; the first one compiles."""
    draw()
    start = time.perf_counter()
    draw()
    return time.perf_counter() - start


def vqgan_sizes(small):
    """Pixels per side, images per batch, channels at full size."""
    return (32, 2, 8) if small else (256, 8, 128)


def vqgan(policy, small):
    import keras

    import keras_vq

    keras.config.set_dtype_policy(policy)
    size, batch, hidden = vqgan_sizes(small)
    model = keras_vq.zoo.vqgan((size, size, 3), hidden_dim=hidden)
    images = random_images(batch, size, WARM_UP + (2 if small else STEPS))
    return fit_seconds(model, images, batch)


def vqgan_peer(policy, small):
    from peer_vqgan import make_step

    size, batch, hidden = vqgan_sizes(small)
    step = make_step(batch, size, hidden, device(), policy != "float32")
    return median_seconds(step, 2 if small else STEPS)


PARTS = {
    ("ours", "train"): train,
    ("peer", "train"): train_peer,
    ("ours", "quantizer"): quantizer,
    ("peer", "quantizer"): quantizer_peer,
    ("ours", "sample"): sample,
    ("peer", "sample"): sample_peer,
    ("ours", "pixelcnn"): pixelcnn,
    ("peer", "pixelcnn"): pixelcnn_peer,
    ("ours", "vqgan"): vqgan,
    ("peer", "vqgan"): vqgan_peer,
}


def device():
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def peak_bytes(kind):
    """Peak bytes of the allocator and the device's name; None on a CPU."""
    if kind == "jax":
        import jax

        here = jax.devices()[0]
        stats = here.memory_stats() or {}
        return stats.get("peak_bytes_in_use"), here.device_kind
    if kind == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        if not found:
            return None, "cpu"
        details = tf.config.experimental.get_device_details(found[0])
        memory = tf.config.experimental.get_memory_info("GPU:0")
        return memory["peak"], details["device_name"]
    import torch

    if not torch.cuda.is_available():
        return None, "cpu"
    return torch.cuda.max_memory_allocated(), torch.cuda.get_device_name()


def run_child(kind, part, settings):
    function = PARTS["peer" if kind == "peer" else "ours", part]
    seconds = function(**settings)
    memory, name = peak_bytes(kind)
    print(json.dumps({"seconds": seconds, "bytes": memory, "device": name}))


# === All cases ===


def key_of(kind, part, settings):
    return f"{part} {json.dumps(settings, sort_keys=True)} {kind}"


def measure(kind, part, settings, timeout):
    """What a child process measures: a dict, with `error` if it fails."""
    backend = "torch" if kind == "peer" else kind
    try:
        child = subprocess.run(
            [sys.executable, __file__, "--child"]
            + [json.dumps([kind, part, settings])],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"more than {timeout:.0f} s"}
    if child.returncode:
        # A process that is killed says nothing.
        said = child.stderr.strip() or f"exit status {child.returncode}"
        return {"error": said.splitlines()[-1][:300]}
    return json.loads(child.stdout.splitlines()[-1])


def write(path, results):
    temporary = path.with_suffix(".unfinished")
    temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def versions():
    from importlib import metadata

    names = ("keras", "jax", "torch", "tensorflow")
    found = {d.metadata["Name"]: d.version for d in metadata.distributions()}
    return {
        "python": platform.python_version(),
        **{name: found[name] for name in names if name in found},
    }


def table(results):
    """The results as Markdown, with ratios to plain PyTorch."""
    lines = [
        "| part | settings | backend | ms | plain PyTorch / ours | peak, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for found in results["cases"].values():
        kind, part, settings = found["case"]
        same = {name: x for name, x in settings.items() if name != "jit"}
        peer = results["cases"].get(key_of("peer", part, same), {})
        shown = ", ".join(
            f"{name} {value}" for name, value in settings.items() if value
        )
        cells = [part, shown, "plain PyTorch" if kind == "peer" else kind]
        if "error" in found:
            cells += [found["error"], "", ""]
        else:
            seconds, memory = found["seconds"], found["bytes"]
            ratio = ""
            if kind != "peer" and "seconds" in peer:
                ratio = f"{peer['seconds'] / seconds:.2f}"
            cells += [f"{1e3 * seconds:.3g}", ratio]
            cells += ["" if memory is None else f"{memory / 2**20:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=["jax", "torch"])
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--out", type=pathlib.Path, default="device.json")
    parser.add_argument("--small", action="store_true")
    parser.add_argument(
        "--parts",
        nargs="+",
        default=["train", "quantizer", "sample", "pixelcnn", "vqgan"],
    )
    parser.add_argument("--table", type=pathlib.Path)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(*options.child)
        return
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return
    results = {"versions": versions(), "cases": {}}
    if options.out.exists():
        results = json.loads(options.out.read_text(encoding="utf-8"))
    end = time.monotonic() + 60 * options.minutes
    todo = cases(["peer", *options.backends], options.small)
    for case in (case for case in todo if case[1] in options.parts):
        left = end - time.monotonic()
        if left < 5:
            print("The time is over; the other cases were not measured.")
            break
        key = key_of(*case)
        if "seconds" in results["cases"].get(key, {}):
            continue
        results["cases"][key] = {"case": case, **measure(*case, left)}
        write(options.out, results)
        found = results["cases"][key]
        print(f"{left:4.0f} s left: {key}: ", end="")
        print(found.get("error") or f"{1e3 * found['seconds']:.2f} ms")
    print(table(results))
    if any("error" in found for found in results["cases"].values()):
        sys.exit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
