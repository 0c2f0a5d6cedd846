"""Usage: python read_saved_model.py MODEL IN.npz OUT.npz

Runs every signature without keras and keras_vq, which cannot be imported.
"""

import sys

sys.modules["keras"] = None
sys.modules["keras_vq"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

path, source, out = sys.argv[1:]
model = tf.saved_model.load(path)
run = model.signatures
data = np.load(source)
np.savez(
    out,
    names=sorted(run),
    default=run["serving_default"](inputs=data["x"])["reconstructions"],
    serve=run["serve"](inputs=data["x"])["reconstructions"],
    one=run["serve"](inputs=data["x"][:1])["reconstructions"],
    codes=run["encode"](inputs=data["x"])["indices"],
    decoded=run["decode"](indices=data["codes"])["outputs"],
)
