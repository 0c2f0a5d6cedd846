import keras
import numpy as np

from keras_vq.layers import ProjectedQuantizer
from keras_vq.metrics import CodebookUsage


def remap_unused_codes(model, x=None, batch_size=32):
    """A model without the codes that are not used, equal where they are not.

    The codes that stay keep their order and get the indices 0, 1, 2, ...; all
    else is copied. For every input that uses none of the codes left out, the
    two models reconstruct alike. A prior has to learn the new indices.

    Args:
        model: A model with one quantizer or several (`VQVAE`, `VQGAN`,
            `VQVAE2`, ...) whose codebooks are tables, `embeddings`, projected
            or not, with one code a position.
        x: array `(n, *input_shape)`, the inputs whose codes are to stay; None
            for those of the last epoch that `fit` or `evaluate` counted.
            Defaults to None.
        batch_size: int, inputs per batch. Defaults to 32.

    Returns:
        A model of the same class, not compiled. At least two codes stay.

    Raises:
        ValueError: If the model has no codebook that is a table, or nothing
            was counted and there is no `x`.

    Example:

    >>> smaller = keras_vq.models.remap_unused_codes(model, images)
    >>> smaller.num_embeddings == len(np.unique(model.encode(images)))
    True
    """
    config = model.get_config()
    several = "quantizers" in config
    quantizers = model.quantizers if several else [model.quantizer]
    for quantizer in quantizers:
        inside = quantizer
        while isinstance(inside, ProjectedQuantizer):
            inside = inside.quantizer
        if getattr(inside, "embeddings", None) is None:
            raise ValueError(
                f"`{quantizer.name}` has no table of codes to make smaller. "
                f"Received: a {type(model).__name__} with a "
                f"{type(quantizer).__name__}"
            )
    counts = _counts(model, x, batch_size)
    kept = [_at_least_two(np.flatnonzero(c)) for c in counts]

    configs = config["quantizers"] if several else [config["quantizer"]]
    for quantizer_config, indices in zip(configs, kept, strict=True):
        arguments = quantizer_config["config"]
        while "quantizer" in arguments:  # projected
            arguments = arguments["quantizer"]["config"]
        arguments["num_embeddings"] = len(indices)
    smaller = type(model).from_config(config)

    new = smaller.quantizers if several else [smaller.quantizer]
    rows = {
        id(v): indices
        for quantizer, indices in zip(new, kept, strict=True)
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
    """How often each code was used, an array for each codebook."""
    if x is not None:
        codes, sizes = model.encode(x, batch_size), model.num_embeddings
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
            "Which codes are in use is not known: the model has not been "
            "trained or evaluated since it was made or loaded. Pass `x`, "
            "inputs whose codes are to stay, or call `model.evaluate` first. "
            "Received: x=None"
        )
    return counts


def _at_least_two(indices):
    """A codebook has two codes or more: the first ones fill up."""
    others = np.setdiff1d([0, 1], indices)[: max(0, 2 - len(indices))]
    return np.sort(np.append(indices, others)).astype("int32")
