import keras
import numpy as np

from keras_vq.layers import ProjectedQuantizer
from keras_vq.metrics import CodebookUsage


def remap_unused_codes(model, x=None, batch_size=32):
    """Make a smaller, equivalent model without the unused codes.

    The remaining codes keep their order and get the indices 0, 1, 2, ...;
    everything else is copied. Both models give the same reconstruction of every
    input that uses none of the removed codes. A prior must be trained anew, on
    the new indices.

    Args:
        model: A model with one or several quantizers (`VQVAE`, `VQGAN`,
            `VQVAE2`, ...) whose codebooks are tables of `embeddings`, projected
            or not, with one code per position.
        x: array `(n, *input_shape)`, the inputs whose codes are kept; None
            keeps the codes used in the last epoch of `fit` or `evaluate`.
            Defaults to None.
        batch_size: int, inputs per batch. Defaults to 32.

    Returns:
        A model of the same class, not compiled. At least two codes are kept.

    Raises:
        ValueError: If the model has no codebook that is a table, or no codes
            were counted and `x` is None.

    Example:

    >>> smaller = keras_vq.models.remap_unused_codes(model, images)
    >>> smaller.num_embeddings == len(np.unique(model.encode(images)))
    True
    """
    for quantizer in model.quantizers:
        inner = quantizer
        while isinstance(inner, ProjectedQuantizer):
            inner = inner.quantizer
        if inner.embeddings is None:
            raise ValueError(
                f"`{quantizer.name}` has no table of codes to reduce. "
                f"Received: a {type(model).__name__} with a "
                f"{type(quantizer).__name__}"
            )
    counts = _counts(model, x, batch_size)
    kept = [_at_least_two(np.flatnonzero(c)) for c in counts]

    config = model.get_config()
    configs = config.get("quantizers") or [config["quantizer"]]
    for quantizer_config, indices in zip(configs, kept, strict=True):
        arguments = quantizer_config["config"]
        while "quantizer" in arguments:  # projected
            arguments = arguments["quantizer"]["config"]
        arguments["num_embeddings"] = len(indices)
    smaller = type(model).from_config(config)

    rows = {
        id(v): indices
        for quantizer, indices in zip(smaller.quantizers, kept, strict=True)
        for v in quantizer.variables
    }
    for v, old in zip(smaller.variables, model.variables, strict=True):
        value = keras.ops.convert_to_numpy(old)
        for axis, size in enumerate(v.shape):
            if value.shape[axis] != size:  # the axis of the codes
                value = np.take(value, rows[id(v)], axis=axis)
        v.assign(value)
    return smaller


def _counts(model, x, batch_size):
    """How often each code was used, one array per codebook."""
    if x is not None:
        codes, sizes = (
            model.encode(x, batch_size=batch_size),
            model.num_embeddings,
        )
        if not isinstance(codes, tuple):
            codes, sizes = (codes,), (sizes,)
        return [
            np.bincount(c.ravel(), minlength=k)
            for c, k in zip(codes, sizes, strict=True)
        ]
    counts = [
        keras.ops.convert_to_numpy(metric.counts)
        for metric in model.metrics
        if type(metric) is CodebookUsage
    ]
    if not counts or any(c.sum() == 0 for c in counts):
        raise ValueError(
            "No codes have been counted: the model has not been trained or "
            "evaluated since it was created or loaded. Pass as `x` inputs "
            "whose codes to keep, or call `model.evaluate` first. Received: "
            "x=None"
        )
    return counts


def _at_least_two(indices):
    """Pad indices to two, the minimum of a codebook, with the first codes."""
    others = np.setdiff1d([0, 1], indices)[: max(0, 2 - len(indices))]
    return np.sort(np.append(indices, others)).astype("int32")
