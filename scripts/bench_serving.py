"""Time of each signature of an exported model, using TensorFlow alone.

    keras-vq export runs/pixelcnn_mnist served --version 1 --png
    python scripts/bench_serving.py served/1

Runs without keras and keras_vq installed. Prints milliseconds per batch, the
median of `--rounds` calls after a first one. The seconds of the first call, in
parentheses, include tracing of the loaded function and any XLA compilation.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import time

import numpy as np
import tensorflow as tf


def inputs_of(described, picture, batch_size):
    """A request with the right dtypes and shapes and with values in range."""
    rng = np.random.default_rng(0)
    given = {}
    for name, field in described["inputs"].items():
        shape = [batch_size if n == "batch" else n for n in field["shape"]]
        if field["dtype"] == "string":
            pixels = rng.integers(256, size=picture, dtype="uint8")
            value = np.full(shape, tf.io.encode_png(pixels).numpy(), object)
        elif name == "num_images":
            value = np.int32(batch_size)
        elif name == "temperature":
            value = np.float32(1)
        elif field["dtype"] == "int32":
            high = field.get("maximum", 1) + 1
            value = rng.integers(high, size=shape).astype("int32")
        else:
            value = rng.random(shape, "float32")
        given[name] = tf.constant(value)
    return given


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[1, 3, 64]
    )
    args = parser.parse_args()
    document = args.folder / "assets.extra" / "signatures.json"
    described = json.loads(document.read_text())
    picture = described["encode"]["inputs"]["inputs"]["shape"][1:]
    absent = [
        name
        for name in ("keras", "keras_vq")
        if importlib.util.find_spec(name) is None
    ]
    print(f"TensorFlow {tf.__version__}, not installed: {absent}")
    signatures = tf.saved_model.load(str(args.folder)).signatures
    heads = [f"batch {n}, ms" for n in args.batch_sizes]
    print("| signature |", " | ".join(heads), "|")
    print("|---|" + "---|" * len(heads))
    for name, signature in described.items():
        cells = []
        for batch_size in args.batch_sizes:
            given = inputs_of(signature, picture, batch_size)
            times = []
            for _ in range(args.rounds + 1):
                start = time.perf_counter()
                outputs = signatures[name](**given)
                for output in outputs.values():
                    output.numpy()
                times.append(time.perf_counter() - start)
            middle = 1e3 * statistics.median(times[1:])
            cells.append(f"{middle:.1f} ({times[0]:.1f} s)")
        print(f"| `{name}` |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
