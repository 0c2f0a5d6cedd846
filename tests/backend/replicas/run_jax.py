"""Usage: python -m tests.replicas.run_jax OUT EMA data|model"""

import sys

import keras
import numpy as np

from tests.replicas import model as shared

out, ema, kind = sys.argv[1], sys.argv[2] == "True", sys.argv[3]
devices = keras.distribution.list_devices()
assert len(devices) == 4
if kind == "data":
    distribution = keras.distribution.DataParallel(devices=devices)
else:
    mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"], devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout["quantizer/(embeddings|sums)"] = ("model", None)
    layout["quantizer/counts"] = ("model",)
    distribution = keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch"
    )
keras.distribution.set_distribution(distribution)
model = shared.build(ema)
shards = {
    s.data.shape for s in model.quantizer.embeddings.value.addressable_shards
}
assert shards == ({(16, 4)} if kind == "data" else {(8, 4)}), shards
history = model.fit(
    shared.data(),
    batch_size=shared.BATCH_SIZE,
    epochs=shared.EPOCHS,
    shuffle=False,
    verbose=0,
)
np.savez(out, **shared.results(model, history))
