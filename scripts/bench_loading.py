"""Startup time of a preset: import, load, encode 1,000 digits.

    KERAS_BACKEND=tensorflow python scripts/bench_loading.py

Imports are timed in fresh processes; the minimum of several is reported.
"""

import subprocess
import sys
import time

import numpy as np

ROUNDS = 5
IMPORT = (
    "import time; start = time.perf_counter(); import keras; "
    "middle = time.perf_counter(); import keras_vq; "
    "print(middle - start, time.perf_counter() - middle)"
)


def imports():
    """Minimum seconds of `import keras`, then of `import keras_vq`."""
    times = []
    for _ in range(ROUNDS):
        child = subprocess.run(
            [sys.executable, "-c", IMPORT],
            capture_output=True,
            text=True,
            check=True,
        )
        times.append([float(part) for part in child.stdout.split()])
    return np.min(times, axis=0)


def main():
    keras_seconds, ours = imports()
    import keras

    import keras_vq

    print(f"backend             {keras.backend.backend()}")
    print(f"import keras        {keras_seconds:.2f} s")
    print(f"import keras_vq     {ours:.2f} s more")
    start = time.perf_counter()
    model = keras_vq.zoo.load("vqvae_mnist")
    print(f"load vqvae_mnist    {time.perf_counter() - start:.2f} s")
    images = np.random.default_rng(0).uniform(size=(1000, 28, 28, 1))
    for call in ("first", "second"):
        start = time.perf_counter()
        model.encode(images.astype("float32"), batch_size=100)
        seconds = time.perf_counter() - start
        print(f"encode 1,000 images {seconds:.2f} s, {call} call")


if __name__ == "__main__":
    main()
