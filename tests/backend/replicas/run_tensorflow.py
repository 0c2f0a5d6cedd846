"""Usage: python -m tests.replicas.run_tensorflow OUT EMA"""

import sys

import numpy as np
import tensorflow as tf

out, ema = sys.argv[1], sys.argv[2] == "True"
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)

from tests.replicas import model as shared  # noqa: E402 (after the devices)

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    model = shared.build(ema)
history = model.fit(
    tf.data.Dataset.from_tensor_slices(shared.data()).batch(shared.BATCH_SIZE),
    epochs=shared.EPOCHS,
    verbose=0,
)
np.savez(out, **shared.results(model, history))
