import pathlib

import numpy as np

from keras_vq.export.in_tensorflow import in_tensorflow
from keras_vq.export.model_signatures import first_stage_of
from keras_vq.export.model_signatures import model_signatures
from keras_vq.export.new_folder import new_folder
from keras_vq.extras import require

# The newest operator set that the converter writes.
_OPSET = 18


def onnx(model, path):
    """Export a model's encoder and decoder as ONNX files, for any batch size.

    | file | inputs | outputs |
    |---|---|---|
    | `encode.onnx` | `inputs` | `indices` |
    | `decode.onnx` | `indices` | `outputs` |

    Names, dtypes and shapes are those of the signatures that
    `keras_vq.export.saved_model` writes; the `doc_string` of an input or output
    states its meaning and range, which ONNX does not enforce. For a
    `keras_vq.LatentGenerator` the tokenizer is exported: the loop of `generate`
    needs a SavedModel.

    Needs `pip install 'keras_vq[onnx]'`. On the JAX and PyTorch backends a
    child process on the TensorFlow backend writes the same files.

    Args:
        model: A `keras_vq.models.FirstStage` or `keras_vq.LatentGenerator`.
        path: Folder to create. It must not exist; its parent must.

    Raises:
        FileExistsError: If `path` exists.
        FileNotFoundError: If its parent does not.
        PermissionError: If its parent cannot be written to.
        ImportError: If tf2onnx is missing.
        ValueError: If ONNX lacks an operation of the model.

    Example:

    ```python
    import onnxruntime

    keras_vq.export.onnx(model, "onnx")
    encoder = onnxruntime.InferenceSession("onnx/encode.onnx")
    (codes,) = encoder.run(None, {"inputs": images})
    ```
    """
    require("Exporting to ONNX", "tf2onnx")
    with new_folder(path) as temporary:
        in_tensorflow(write_onnx, first_stage_of(model), temporary)


def write_onnx(model, path):
    """Write the folder; on the TensorFlow backend."""
    from onnx import save_model

    folder = pathlib.Path(path)
    folder.mkdir()
    for signature in model_signatures(model):
        if signature.name in ("encode", "decode"):
            file = folder / f"{signature.name}.onnx"
            save_model(converted(signature), file)


def converted(signature):
    """The signature as `onnx.ModelProto`."""
    import tensorflow as tf
    import tf2onnx

    specs = [field.spec for field in signature.inputs]
    function = tf.function(signature.unchecked, specs, autograph=False)
    written, _ = tf2onnx.convert.from_function(function, specs, opset=_OPSET)
    graph = written.graph
    for fields, values in (
        (signature.inputs, graph.input),
        (signature.outputs, graph.output),
    ):
        by_name = {field.name: field for field in fields}
        for value in values:
            field = by_name[value.name]
            limits = f" Values {field.range}." if field.range else ""
            value.doc_string = field.meaning + limits
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    try:
        _check(written, signature)
    except Exception as error:
        raise ValueError(
            f"The signature {signature.name!r} cannot be exported to ONNX: "
            f"{error}"
        ) from error
    return written


def _check(written, signature):
    """Raise unless the file computes what the signature does.

    The converter silently keeps operations that it does not know.
    """
    import onnxruntime
    import tensorflow as tf

    session = onnxruntime.InferenceSession(written.SerializeToString())
    rng = np.random.default_rng(0)
    given = {}
    for field in signature.inputs:
        shape = [2, *field.shape[1:]]
        if field.dtype == "int32":
            given[field.name] = rng.integers(
                field.maximum + 1, size=shape
            ).astype("int32")
        else:
            given[field.name] = rng.random(shape, "float32")
    expected = signature.unchecked(*map(tf.constant, given.values()))
    for name, found in zip(expected, session.run([*expected], given)):
        # Rounding may change a code or two; a wrong graph changes most.
        near = np.isclose(found, expected[name], rtol=1e-3, atol=1e-3)
        if near.mean() < 0.9:
            raise ValueError(
                f"{1 - near.mean():.0%} of {name} differ in onnxruntime"
            )
