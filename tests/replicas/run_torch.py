"""Usage: python -m tests.replicas.run_torch OUT EMA RANK INIT_FILE"""

import sys

import numpy as np
import torch

from tests.replicas import model as shared

out, ema, rank = sys.argv[1], sys.argv[2] == "True", int(sys.argv[3])
torch.distributed.init_process_group(
    "gloo", f"file://{sys.argv[4]}", rank=rank, world_size=2
)
model = shared.build(ema)
half = shared.BATCH_SIZE // 2
batches = np.split(shared.data(), 3)
mine = np.concatenate([b[rank * half : (rank + 1) * half] for b in batches])
history = model.fit(
    mine, batch_size=half, epochs=shared.EPOCHS, shuffle=False, verbose=0
)
np.savez(out, **shared.results(model, history))
torch.distributed.destroy_process_group()
