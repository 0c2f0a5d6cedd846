import os
import pathlib
import subprocess
import sys
import tempfile

import keras

from keras_vq.files import written_whole


def saved_model(model, path):
    """Write a model as a TensorFlow SavedModel, for any batch size.

    | signature | input | output |
    |---|---|---|
    | `serve`, `serving_default` | `inputs` | `reconstructions` |
    | `encode` | `inputs` | `indices` |
    | `decode` | `indices` | `outputs` |

    `inputs`, `outputs` and `reconstructions` are float32 `(batch,
    *input_shape)` in the model's `value_range`; `indices` are int32 `(batch,
    *code_shape)`, in whose place a model without codes has `latents`, float32
    `(batch, *latent_shape)`. The graph needs neither keras nor keras_vq. On
    the JAX and PyTorch backends a child process on the TensorFlow backend
    writes it: the same plain graph from all three.

    Args:
        model: A `keras_vq.models.FirstStage`.
        path: Folder to make; it must not exist, its parent must.

    Raises:
        FileExistsError: If `path` exists.
        FileNotFoundError: If its parent does not.
        PermissionError: If its parent cannot be written to.

    Example:

    ```python
    keras_vq.export.saved_model(model, "served")
    served = tf.saved_model.load("served")
    codes = served.signatures["encode"](inputs=images)["indices"]
    ```
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"Cannot export to {path}: it exists. Remove it or give another "
            "path."
        )
    with written_whole(path) as temporary:
        if keras.config.backend() == "tensorflow":
            _write(model, temporary)
        else:
            _write_in_child(model, temporary)


def _write(model, path):
    import tensorflow as tf

    inputs = tf.TensorSpec((None, *model.input_shape), "float32", "inputs")
    name, dtype = model.latent_name, model.latent_dtype
    latents = tf.TensorSpec((None, *model.latent_shape), dtype, name)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda inputs: {"reconstructions": model(inputs, training=False)},
        input_signature=[inputs],
    )
    archive.add_endpoint(
        "encode",
        lambda inputs: {name: model.encode_step(inputs)},
        input_signature=[inputs],
    )
    archive.add_endpoint(
        "decode",
        lambda latents: {"outputs": model.decode_step(latents)},
        input_signature=[latents],
    )
    archive.write_out(str(path), verbose=False)


def _write_in_child(model, path):
    with tempfile.TemporaryDirectory() as folder:
        saved = pathlib.Path(folder) / "model.keras"
        model.save(saved)
        child = subprocess.run(
            [sys.executable, "-m", __name__, str(saved), str(path)],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
        )
    if child.returncode:
        raise RuntimeError(
            "The export in a child process on the TensorFlow backend failed: "
            f"{child.stderr.strip()}"
        )


if __name__ == "__main__":
    import keras_vq  # noqa: F401 (registers the classes to be loaded)

    _write(keras.models.load_model(sys.argv[1], compile=False), sys.argv[2])
