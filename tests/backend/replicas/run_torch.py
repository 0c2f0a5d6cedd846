"""Usage: python -m tests.backend.replicas.run_torch FOLDER

Trains in two processes of `torch.distributed`, each on half of every batch.
"""

import pathlib
import random
import sys

import numpy as np
import torch

from tests.backend.replicas import model as shared
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


def train(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", f"file://{folder / 'init'}", rank=rank, world_size=2
    )
    batches = np.split(shared.data(), (16, 32))
    mine = np.concatenate([np.array_split(b, 2)[rank] for b in batches])
    options = {
        "batch_size": shared.BATCH_SIZE // 2,
        "shuffle": False,
        "verbose": 0,
    }
    for kind in shared.KINDS:
        model = shared.build(kind)
        history = model.fit(mine, epochs=shared.EPOCHS, **options)
        found = shared.results(model, history)

        # Whatever each process starts from, all go on from the weights of the
        # first one. Keras draws the seeds of initializers with `random`.
        random.seed(rank)
        free = tiny_vqvae(ema_decay=None if kind == "gradient" else 0.9)
        free.fit(mine, **options)
        found |= {f"free_{i}": to_numpy(w) for i, w in enumerate(free.weights)}
        np.savez(folder / f"{kind}-{rank}.npz", **found)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    # Forked: starting two interpreters takes longer than the training.
    torch.multiprocessing.start_processes(
        train, (pathlib.Path(sys.argv[1]),), nprocs=2, start_method="fork"
    )
