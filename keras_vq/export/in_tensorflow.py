"""Exports from other backends, in a child process on the TensorFlow backend."""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import keras

_ROOT = pathlib.Path(__file__).parents[2]
# The child imports nothing from the current folder, which may hold a file
# named like one of our dependencies.
_PROGRAM = """
import os
import sys
import threading

def end_with_parent():
    sys.stdin.read()  # returns when the parent has ended
    os._exit(1)

threading.Thread(target=end_with_parent, daemon=True).start()
root = sys.argv.pop(1)
if root not in sys.path:
    sys.path.insert(0, root)
from keras_vq.export.in_tensorflow import write_saved
write_saved(*sys.argv[1:])
"""


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
    path = pathlib.Path(path).absolute()
    # Beside the output, where it is removed even if this process is killed.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        saved = pathlib.Path(folder) / "model.keras"
        model.save(saved)
        command = [
            *(sys.executable, "-P", "-c", _PROGRAM, str(_ROOT)),
            *(str(saved), str(path)),
            f"{writer.__module__}:{writer.__name__}",
            json.dumps(arguments),
        ]
        failed, messages = _run(command)
    if failed:
        raise RuntimeError(
            "The export in a child process on the TensorFlow backend failed: "
            f"{messages}"
        )


def _run(command):
    """Run a child process that ends when this one does.

    Returns:
        `failed, messages`: bool and str.
    """
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            command,
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        ) as child:
            try:
                failed = child.wait() != 0
            except BaseException:
                child.kill()
                raise
        log.seek(0)
        return failed, log.read().decode(errors="replace").strip()


def write_saved(saved, path, writer, arguments):
    """Call a writer, in the child process.

    Args:
        saved: str, the `.keras` file of the model.
        path: str, absolute path to write to.
        writer: str, the writer as `module:name`.
        arguments: str, the writer's arguments as JSON.
    """
    import keras_vq  # noqa: F401 (registers the classes to be loaded)

    module, name = writer.split(":")
    write = getattr(importlib.import_module(module), name)
    model = keras.models.load_model(saved, compile=False)
    write(model, path, **json.loads(arguments))
