"""Batches of whatever `fit` accepts, as NumPy arrays."""

import itertools
import types
from typing import Any

import keras
import numpy as np
from keras import ops


def to_array(x):
    """Array, list or tensor as a NumPy array."""
    if isinstance(x, (np.ndarray, list)):
        return np.asarray(x)
    return np.asarray(ops.convert_to_numpy(x))


def first_batch(x, y=None, batch_size=None):
    """The first batch of whatever `fit` and `predict` accept.

    Args:
        x: Array or tuple of arrays, `tf.data.Dataset`,
            `keras.utils.PyDataset`, iterable of batches (a
            `torch.utils.data.DataLoader`, say) or generator.
        y: Array of labels or None, if `x` is an array.
        batch_size: int or None, rows of an array to return; None for 32.

    Returns:
        `x, batch, labels`: `x` to use in place of the argument, since a
        generator cannot be rewound; the inputs of the first batch and its
        labels (all of them, if given as an array) as NumPy arrays. They are
        None if there are none or their type is unknown.

    Raises:
        ValueError: If there is no batch.
    """
    batch: Any
    rows = batch_size or 32
    if hasattr(x, "shape"):
        batch = (x[:rows] if len(x.shape) else x[None], y)
    elif isinstance(x, tuple):
        x = tuple(map(to_array, x))
        batch = (tuple(array[:rows] for array in x), y)
    elif isinstance(x, keras.utils.PyDataset):
        batch = x[0] if x.num_batches != 0 else None
    elif isinstance(x, types.GeneratorType):
        batch = next(x, None)
        x = _chain(batch, x)
    elif hasattr(x, "element_spec") and hasattr(x, "take"):  # tf.data
        if isinstance(x.element_spec, dict):
            x = x.map(_tuple_of)
        batch = next(iter(x.take(1)), None)
    elif hasattr(x, "__iter__") and not isinstance(x, (list, dict)):
        batch = next(iter(x), None)
        if isinstance(batch, dict):  # Keras reads them on PyTorch alone
            raise ValueError(
                f"A {type(x).__name__} must yield `x` or `(x, labels)`. "
                f"Received: dicts with the keys {', '.join(map(repr, batch))}. "
                "Return a tuple from the data set's `__getitem__`."
            )
    else:
        return x, None, None
    labels = None
    if isinstance(batch, dict):
        batch = pair_of(batch)
    if isinstance(batch, (list, tuple)):
        batch, labels = (*batch, None)[:2]
    if batch is None or getattr(batch, "shape", (None,))[0] == 0:
        raise ValueError("The data set is empty. Received no batch.")
    return x, _to_numpy(batch), _to_numpy(labels)


def _chain(batch, rest):
    # A generator, since Keras does not accept an `itertools.chain`.
    yield from itertools.chain([batch], rest)


def _to_numpy(batch):
    if isinstance(batch, tuple):
        return tuple(_to_numpy(part) for part in batch)
    return to_array(batch) if hasattr(batch, "shape") else None


def batches_of(data, batch_size):
    """The inputs of each batch of whatever `fit` accepts.

    Args:
        data: Array, `tf.data.Dataset`, `keras.utils.PyDataset`, or iterable
            of batches. Labels in a batch are dropped.
        batch_size: int, rows of a batch of an array.

    Yields:
        NumPy array `(rows, ...)`.
    """
    if hasattr(data, "shape"):
        array = to_array(data)
        data = (
            array[start : start + batch_size]
            for start in range(0, len(array), batch_size)
        )
    elif isinstance(data, keras.utils.PyDataset):
        data = map(data.__getitem__, range(data.num_batches))
    for batch in data:
        if isinstance(batch, dict):
            batch = pair_of(batch)
        yield to_array(batch[0] if isinstance(batch, (tuple, list)) else batch)


def pair_of(batch):
    """Inputs and labels of a batch as TFDS yields it.

    Args:
        batch: dict of tensors, with the inputs under `"image"`, `"audio"` or
            `"video"`, and the labels, if any, under `"label"`.

    Returns:
        `x, labels`; the labels may be None.

    Raises:
        ValueError: If the inputs have another name.
    """
    for name in ("image", "audio", "video"):
        if name in batch:
            return batch[name], batch.get("label")
    keys = ", ".join(map(repr, batch))
    raise ValueError(
        "A batch that is a dict must hold its inputs under 'image', 'audio' or "
        f"'video'. Received: the keys {keys}. Select one, such as "
        f"dataset.map(lambda batch: batch[{next(iter(batch), None)!r}])."
    )


def _tuple_of(batch):
    """`x` or `(x, labels)`; a `tf.data.Dataset` holds no None."""
    x, labels = pair_of(batch)
    return x if labels is None else (x, labels)


def sample_rows(batches, count, seed):
    """A random sample of the rows of all batches, in bounded memory.

    Each row gets a random number; those with the smallest are kept.

    Args:
        batches: Iterable of NumPy arrays `(rows, D)`.
        count: int, maximum number of rows to keep.
        seed: int, seed of the draws.

    Returns:
        NumPy array `(min(count, all rows), D)`.

    Raises:
        ValueError: If there is no batch.
    """
    rng = np.random.default_rng(seed)
    rows, draws = None, np.zeros(0)
    for batch in batches:
        rows = batch if rows is None else np.concatenate([rows, batch])
        draws = np.concatenate([draws, rng.random(len(batch))])
        if len(rows) > count:
            kept = np.argpartition(draws, count)[:count]
            rows, draws = rows[kept], draws[kept]
    if rows is None:
        raise ValueError("The data set is empty. Received no batch.")
    return rows


def in_batches(step, arrays, batch_size):
    """Run a compiled function over arrays of any length, batch by batch.

    Args:
        step: A function of tensors, one for each of `arrays`.
        arrays: list of arrays `(n, ...)` or of nested structures of them; None
            in a structure stays None.
        batch_size: int, rows per batch.

    Returns:
        What `step` returns, a tensor `(batch, ...)` or a tuple of tensors, as
        NumPy arrays `(n, ...)`.
    """
    length = len(keras.tree.flatten(arrays)[0])
    outputs = []
    for start in range(0, max(length, 1), batch_size):
        size = min(batch_size, length - start)
        # Pad the last batch: another shape would be compiled again, and some
        # kernels reject empty inputs.
        padded = batch_size if start > 0 else max(size, 1)

        def batch(array, start=start, padded=padded):
            if array is None:
                return None
            rows = array[start : start + batch_size]
            missing = [[0, padded - len(rows)]] + [[0, 0]] * (array.ndim - 1)
            return ops.convert_to_tensor(np.pad(rows, missing))

        output = step(*keras.tree.map_structure(batch, arrays))
        outputs.append(
            keras.tree.map_structure(
                lambda t, size=size: ops.convert_to_numpy(t)[:size], output
            )
        )
    return keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *outputs
    )
