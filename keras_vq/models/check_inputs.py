import numpy as np

# How far beyond the documented range inputs may reach: resizing rings.
TOLERANCE = 0.01


def check_shape(model, shape):
    """Raise if `shape` is not that of a batch of the model's inputs."""
    expected = (None, *model.input_shape)
    if len(shape) != len(expected) or any(
        n is not None and n != m
        for n, m in zip(shape[1:], model.input_shape, strict=True)
    ):
        raise ValueError(
            f"{type(model).__name__} `{model.name}` expects inputs of shape "
            f"{expected}, channels last. Received: shape={tuple(shape)}"
        )


def check_values(model, batch):
    """Raise if a batch (a NumPy array) has values out of the model's range."""
    if batch.dtype == np.uint8 or batch.size == 0:
        return
    low, high = model.value_range
    name = type(model).__name__
    values = batch.astype("float32")
    if not np.isfinite(values).all():
        count = int(np.sum(~np.isfinite(values)))
        raise ValueError(
            f"{name} `{model.name}` expects finite inputs. Received: "
            f"{count} values in the first batch that are NaN or infinite."
        )
    if values.min() < low - TOLERANCE or values.max() > high + TOLERANCE:
        raise ValueError(
            f"{name} `{model.name}` expects values in [{low:g}, {high:g}], "
            "or uint8 images. Received: values from "
            f"{values.min():g} to {values.max():g}. Rescale the inputs."
        )
