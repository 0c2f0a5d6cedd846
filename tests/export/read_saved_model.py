"""Usage: python read_saved_model.py MODEL IN.npz OUT.npz

Runs every signature without keras and keras_vq, which cannot be imported.
IN has what the signatures take by name, `inputs` and maybe `labels`.
"""

import sys

sys.modules["keras"] = None
sys.modules["keras_vq"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

path, source, out = sys.argv[1:]
model = tf.saved_model.load(path)
run = model.signatures
given = dict(np.load(source))
others = {name: given[name] for name in given if name != "inputs"}
latents = run["encode"](**given)
np.savez(
    out,
    names=sorted(run),
    default=run["serving_default"](**given)["reconstructions"],
    serve=run["serve"](**given)["reconstructions"],
    one=run["serve"](**{k: v[:1] for k, v in given.items()})["reconstructions"],
    decoded=run["decode"](**latents, **others)["outputs"],
    **latents,
)
