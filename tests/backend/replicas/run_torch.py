"""Usage: python -m tests.replicas.run_torch OUT EMA RANK INIT_FILE"""

import sys

import keras
import numpy as np
import torch

from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy
from tests.replicas import model as shared

out, ema, rank = sys.argv[1], sys.argv[2] == "True", int(sys.argv[3])
torch.distributed.init_process_group(
    "gloo", f"file://{sys.argv[4]}", rank=rank, world_size=2
)
model = shared.build(ema)
batches = np.split(shared.data(), (16, 32))
mine = np.concatenate([np.array_split(b, 2)[rank] for b in batches])
options = {"batch_size": shared.BATCH_SIZE // 2, "shuffle": False, "verbose": 0}
history = model.fit(mine, epochs=shared.EPOCHS, **options)
found = shared.results(model, history)

# Whatever each process starts from, all go on from the first one's weights.
keras.utils.set_random_seed(rank)
free = tiny_vqvae(ema_decay=0.9 if ema else None)
free.fit(mine, **options)
found |= {f"free_{i}": to_numpy(w) for i, w in enumerate(free.weights)}
np.savez(out, **found)
torch.distributed.destroy_process_group()
