"""Usage: python -m tests.backend.replicas.run_jax FOLDER

Trains under `keras.distribution` on four devices, which `XLA_FLAGS` make.
"""

import pathlib
import sys

import keras
import numpy as np
import pytest

from tests.backend.replicas import model as shared


def distribution(axis, devices):
    if axis == "data":
        return keras.distribution.DataParallel(devices=devices)
    mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"], devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout["quantizer/(embeddings|sums)"] = ("model", None)
    layout["quantizer/counts"] = ("model",)
    return keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch"
    )


devices = keras.distribution.list_devices()
assert len(devices) == 4
for axis, shard in (("data", (16, 4)), ("model", (8, 4))):
    keras.distribution.set_distribution(distribution(axis, devices))
    for kind in shared.KINDS:
        model = shared.build(kind)
        embeddings = model.quantizer.embeddings.value
        assert {s.data.shape for s in embeddings.addressable_shards} == {shard}
        history = model.fit(
            shared.data(),
            batch_size=shared.BATCH_SIZE,
            epochs=shared.EPOCHS,
            shuffle=False,
            verbose=0,
        )
        out = pathlib.Path(sys.argv[1]) / f"{kind}-{axis}.npz"
        np.savez(out, **shared.results(model, history))

# The last batch is split too. Only the array is refused before training.
uneven = shared.data()[:9]
for data in (uneven, (uneven[i : i + 8] for i in (0, 8))):
    with pytest.raises(ValueError, match="each batch evenly over 2 devices"):
        model.fit(data, verbose=0)
