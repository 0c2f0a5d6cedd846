import itertools
import types
from typing import Any

import keras
import numpy as np


def first_batch(x, y=None, batch_size=None):
    """The first batch of whatever `fit` and `predict` accept.

    Args:
        x: Array, `tf.data.Dataset`, `keras.utils.PyDataset`, iterable of
            batches (a `torch.utils.data.DataLoader`, say) or generator.
        y: Array of labels or None, beside an array.
        batch_size: int or None, how much of an array to look at; None for 32.

    Returns:
        `x, batch, labels`: `x` to be used in place of the argument, since a
        generator cannot be rewound, and the first batch's inputs and labels (of
        an array, all) as NumPy arrays, None where there are none or their type
        is not known.

    Raises:
        ValueError: If there is no batch.
    """
    batch: Any
    if hasattr(x, "shape"):
        batch = (x[: batch_size or 32] if len(x.shape) else x[None], y)
    elif isinstance(x, keras.utils.PyDataset):
        batch = x[0] if x.num_batches != 0 else None
    elif isinstance(x, types.GeneratorType):
        batch = next(x, None)
        x = _chain(batch, x)
    elif hasattr(x, "element_spec") and hasattr(x, "take"):  # tf.data
        batch = next(iter(x.take(1)), None)
    elif hasattr(x, "__iter__") and not isinstance(x, (list, tuple, dict)):
        batch = next(iter(x), None)
    else:
        return x, None, None
    labels = None
    if isinstance(batch, (list, tuple)):
        batch, labels = (*batch, None)[:2]
    if batch is None or getattr(batch, "shape", (None,))[0] == 0:
        raise ValueError("The data set is empty. Received no batch.")
    return x, _to_numpy(batch), _to_numpy(labels)


def _chain(batch, rest):
    # A generator of its own: Keras does not take an `itertools.chain` for one.
    yield from itertools.chain([batch], rest)


def _to_numpy(batch):
    if isinstance(batch, tuple):
        return tuple(_to_numpy(part) for part in batch)
    if not hasattr(batch, "shape"):
        return None
    return np.asarray(keras.ops.convert_to_numpy(batch))
