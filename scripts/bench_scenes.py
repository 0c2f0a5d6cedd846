"""Speed of the built-in data: scenes drawn and rendered per second and core.

    python scripts/bench_scenes.py --count 2000

prints a table of images/s of one process for several image sizes: the best of
three rounds, in CPU time.
"""

import argparse
import time

import numpy as np

from keras_vq.data.scenes.renderer import render_scenes
from keras_vq.data.scenes.renderer import scenes_at_once
from keras_vq.data.scenes.scene import draw_scene


def seconds(size, count):
    start = time.process_time()
    for first in range(0, count, scenes_at_once(size)):
        numbers = range(first, first + scenes_at_once(size))
        rngs = [np.random.default_rng((0, 0, i)) for i in numbers]
        render_scenes([draw_scene(rng) for rng in rngs], size)
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    print("| size | images/s per core |")
    print("|---|---|")
    for size in (32, 64, 128, 256):
        examples = max(count * 32 * 32 // size**2, 48)
        best = min(seconds(size, examples) for _ in range(3))
        print(f"| {size} | {examples / best:.0f} |")


if __name__ == "__main__":
    main()
