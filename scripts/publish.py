"""Publish the weights of a trained run in the zoo, as a preset.

python scripts/publish.py runs/vqvae_mnist zoo/vqvae_mnist
"""

import pathlib
import sys

from keras_vq.recipes import Run
from keras_vq.saving.preset import WEIGHTS

LIMIT = 4_000_000  # bytes: presets ship with the package

if __name__ == "__main__":
    run, folder = sys.argv[1:]
    model = Run(run).model
    size = 4 * model.count_params()
    if size > LIMIT:
        sys.exit(f"{run} has {size:,} bytes of weights, over {LIMIT:,}.")
    model.save_to_preset(folder)
    written = pathlib.Path(folder) / WEIGHTS
    print(f"Wrote {written}, {written.stat().st_size:,} bytes.")
