import os
import pathlib
import subprocess
import sys
import tempfile

import keras

from keras_vq.export.generate_endpoint import add_generate
from keras_vq.files import written_whole
from keras_vq.generator import LatentGenerator


def saved_model(model, path):
    """Write a model as a TensorFlow SavedModel, for any batch size.

    | signature | inputs | output |
    |---|---|---|
    | `serve`, `serving_default` | `inputs` | `reconstructions` |
    | `encode` | `inputs` | `indices` |
    | `decode` | `indices` | `outputs` |

    `inputs`, `outputs` and `reconstructions` are float32 `(batch,
    *input_shape)` in the model's `value_range`; `indices` are int32 `(batch,
    *code_shape)`. In the place of `indices`

    - a model with several maps of codes has `indices_0`, `indices_1` and so
      on, top first, all of which `decode` takes;
    - a model without codes has `latents`, float32 `(batch, *latent_shape)`.

    A conditional model takes `labels` besides, int32 `(batch,)`, in each
    signature.

    A `keras_vq.LatentGenerator` has the signatures of its tokenizer and

    | signature | inputs | output |
    |---|---|---|
    | `generate` | `seed`, `labels`, `condition`, `num_images` | `images` |

    with int32 scalar `seed`, `labels` and `condition` (codes or floats, not
    pictures) as far as the prior takes them, and int32 scalar `num_images`
    where it takes neither: codes drawn from all of the softmax, the same ones
    as `generate` draws by that seed, in one loop of the graph.

    The graph needs neither keras nor keras_vq. On the JAX and PyTorch backends
    a child process on the TensorFlow backend writes it: the same plain graph
    from all three.

    Args:
        model: A `keras_vq.models.FirstStage` or `keras_vq.LatentGenerator`.
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

    archive = keras.export.ExportArchive()
    archive.track(model)
    if isinstance(model, LatentGenerator):
        add_generate(archive, model)
        model = model.tokenizer

    def specs(shapes, dtype):
        return [
            tf.TensorSpec((None, *shape), dtype, name)
            for name, shape in shapes.items()
        ]

    inputs = specs({"inputs": model.input_shape}, "float32")
    latents = specs(_latent_shapes(model), model.latent_dtype)
    is_conditional = hasattr(model, "num_classes")
    labels = specs({"labels": ()} if is_conditional else {}, "int32")

    def serve(x, *labels):
        outputs = model((x, *labels) if labels else x, training=False)
        return {"reconstructions": outputs}

    def encode(x, *labels):
        found = keras.tree.flatten(model.encode_step(x, *labels))
        return {spec.name: t for spec, t in zip(latents, found, strict=True)}

    def decode(*arguments):
        parts, labels = arguments[: len(latents)], arguments[len(latents) :]
        outputs = model.decode_step(
            parts if len(parts) > 1 else parts[0], *labels
        )
        return {"outputs": outputs}

    archive.add_endpoint("serve", serve, inputs + labels)
    archive.add_endpoint("encode", encode, inputs + labels)
    archive.add_endpoint("decode", decode, latents + labels)
    archive.write_out(str(path), verbose=False)


def _latent_shapes(model):
    """The shapes of the model's latents by their names in the signatures."""
    shapes, name = model.latent_shape, model.latent_name
    if not isinstance(shapes[0], tuple):
        return {name: shapes}
    return {f"{name}_{level}": shape for level, shape in enumerate(shapes)}


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
