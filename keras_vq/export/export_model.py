from keras_vq.checks import check_type
from keras_vq.export.onnx import onnx
from keras_vq.export.saved_model import saved_model
from keras_vq.training import Model

_FORMATS = {"tf_saved_model": saved_model, "onnx": onnx}


def export_model(model, path, format="tf_saved_model", **options):
    """Export a model for use without Keras.

    Args:
        model: A `keras_vq.models.FirstStage` or `keras_vq.LatentGenerator`.
        path: Folder to create.
        format: `"tf_saved_model"`, see `keras_vq.export.saved_model`, or
            `"onnx"`, see `keras_vq.export.onnx`. Defaults to
            `"tf_saved_model"`.
        **options: Further arguments of that function.

    Raises:
        ValueError: If there is no such format, or it has no such option.

    Example:

    ```python
    keras_vq.export.export_model(model, "encoder", format="onnx")
    ```
    """
    if format not in _FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(_FORMATS)}. Received: "
            f"format={format!r}"
        )
    check_type("model", model, Model, "a model of keras_vq")
    if format == "onnx" and options:
        raise ValueError(
            f"The format 'onnx' has no options. Received: {', '.join(options)}"
        )
    _FORMATS[format](model, path, **options)
