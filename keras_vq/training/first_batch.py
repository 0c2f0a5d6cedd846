import itertools
import types

import keras
import numpy as np


def first_batch(x, batch_size=None):
    """The inputs of the first batch of whatever `fit` and `predict` accept.

    Args:
        x: Array, `tf.data.Dataset`, `keras.utils.PyDataset`, iterable of
            batches (a `torch.utils.data.DataLoader`, say) or generator.
        batch_size: int or None, how much of an array to look at; None for 32.

    Returns:
        `x, batch`: `x` to be used in place of the argument, since a generator
        cannot be rewound, and the first batch's inputs as a NumPy array, None
        where the type of `x` is not known.

    Raises:
        ValueError: If there is no batch.
    """
    if hasattr(x, "shape"):
        batch = x[: batch_size or 32] if len(x.shape) else x[None]
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
        return x, None
    if isinstance(batch, (list, tuple)):
        batch = batch[0]
    if batch is None or getattr(batch, "shape", (None,))[0] == 0:
        raise ValueError("The data set is empty. Received no batch.")
    return x, _to_numpy(batch)


def _chain(batch, rest):
    # A generator of its own: Keras does not take an `itertools.chain` for one.
    yield from itertools.chain([batch], rest)


def _to_numpy(batch):
    if not hasattr(batch, "shape"):
        return None
    return np.asarray(keras.ops.convert_to_numpy(batch))
