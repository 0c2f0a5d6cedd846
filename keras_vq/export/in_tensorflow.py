"""Exports from other backends, in a child process on the TensorFlow backend.

Usage: python -m keras_vq.export.in_tensorflow MODEL PATH WRITER ARGUMENTS

WRITER is a function as module:name, ARGUMENTS is JSON.
"""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import keras


def in_tensorflow(writer, model, path, **arguments):
    """Call `writer(model, path, **arguments)` on the TensorFlow backend.

    On JAX and PyTorch, a child process makes the call, with the model loaded
    from a `.keras` file.

    Args:
        writer: A function defined in a module.
        model: `keras.Model`.
        path: str or Path.
        **arguments: Values that JSON can hold.

    Raises:
        RuntimeError: If the child process fails; the message has its stderr.
    """
    if keras.config.backend() == "tensorflow":
        writer(model, path, **arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        saved = pathlib.Path(folder) / "model.keras"
        model.save(saved)
        child = subprocess.run(
            [
                *(sys.executable, "-m", __name__, str(saved), str(path)),
                f"{writer.__module__}:{writer.__name__}",
                json.dumps(arguments),
            ],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            text=True,
        )
    if child.returncode:
        raise RuntimeError(
            "The export in a child process on the TensorFlow backend failed: "
            f"{child.stderr.strip()}"
        )


def _main(saved, path, writer, arguments):
    import keras_vq  # noqa: F401 (registers the classes to be loaded)

    module, name = writer.split(":")
    write = getattr(importlib.import_module(module), name)
    model = keras.models.load_model(saved, compile=False)
    write(model, path, **json.loads(arguments))


if __name__ == "__main__":
    _main(*sys.argv[1:])
