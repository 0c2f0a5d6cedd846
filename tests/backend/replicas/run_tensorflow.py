"""Usage: python -m tests.backend.replicas.run_tensorflow FOLDER

Trains under `MirroredStrategy` on two devices.
"""

import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)

from tests.backend.replicas import model as shared  # noqa: E402

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
images = tf.data.Dataset.from_tensor_slices(shared.data())
for kind in shared.KINDS:
    with strategy.scope():
        model = shared.build(kind)
    history = model.fit(
        images.batch(shared.BATCH_SIZE), epochs=shared.EPOCHS, verbose=0
    )
    out = pathlib.Path(sys.argv[1]) / f"{kind}.npz"
    np.savez(out, **shared.results(model, history))

# One row for two replicas. Only the array is refused before training.
for data in (shared.data()[:1], images.take(3).batch(2)):
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError),
        match="a row of each batch for each replica",
    ):
        model.fit(data, verbose=0)
