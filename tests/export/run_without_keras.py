"""Usage: python run_without_keras.py MODEL REQUESTS.npz ANSWERS.npz FOLDER

Runs every signature of a SavedModel by `tf.saved_model.load`, and those with
scalars and bytes again by `saved_model_cli`, whose outputs go to subfolders of
FOLDER. Keras and keras_vq cannot be imported. Arrays are named
`signature/name`.
"""

import contextlib
import pathlib
import sys

sys.modules["keras"] = None
sys.modules["keras_vq"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import flags  # noqa: E402
from tensorflow.python.tools import saved_model_cli  # noqa: E402


def run_cli(command, *args):
    sys.argv = ["saved_model_cli", command, "--dir", model, "--tag_set"]
    sys.argv += ["serve", *args]
    flags.FLAGS.unparse_flags()
    with contextlib.suppress(SystemExit):  # after a failure outputs are missing
        saved_model_cli.main()


model, source, out, folder = sys.argv[1:]
run_cli("show", "--signature_def", "serving_default")
loaded = tf.saved_model.load(model)
requests = np.load(source, allow_pickle=True)
answers = {}
for signature, run in loaded.signatures.items():
    _, specs = run.structured_input_signature
    inputs = {name: requests[f"{signature}/{name}"] for name in specs}
    outputs = run(**{name: tf.constant(x) for name, x in inputs.items()})
    for name, value in outputs.items():
        answers[f"{signature}/{name}"] = value.numpy()
np.savez(out, **answers)

for signature in ("generate", "encode_png", "decode_png"):
    given = []
    for key in requests:
        if key.startswith(f"{signature}/"):
            path = pathlib.Path(folder) / f"{key.replace('/', '_')}.npy"
            np.save(path, requests[key])
            given.append(f"{key.partition('/')[2]}={path}")
    run_cli(
        *("run", "--signature_def", signature),
        *("--inputs", ";".join(given)),
        *("--outdir", str(pathlib.Path(folder) / signature)),
    )
