import keras
import numpy as np


def batches_of(data, batch_size):
    """NumPy batches of whatever `fit` accepts, without labels.

    Args:
        data: Array, `tf.data.Dataset`, `keras.utils.PyDataset`, or an iterable
            of batches; a batch may be a tuple with labels, which are left out.
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
        yield to_array(batch[0] if isinstance(batch, (tuple, list)) else batch)


def to_array(x):
    """Array, list or tensor as a NumPy array."""
    if isinstance(x, (np.ndarray, list)):
        return np.asarray(x)
    return np.asarray(keras.ops.convert_to_numpy(x))


def sample_rows(batches, count, seed):
    """A random sample of all rows that batches have, in bounded memory.

    Every row draws a number; those of the least numbers so far are kept.

    Args:
        batches: Iterable of NumPy arrays `(rows, D)`.
        count: int, how many to keep at most.
        seed: int, of the draws.

    Returns:
        NumPy array `(min(count, all rows), D)`.

    Raises:
        ValueError: If there is no batch.
    """
    rng = np.random.default_rng(seed)
    rows, numbers = None, np.zeros(0)
    for batch in batches:
        rows = batch if rows is None else np.concatenate([rows, batch])
        numbers = np.concatenate([numbers, rng.random(len(batch))])
        if len(rows) > count:
            kept = np.argpartition(numbers, count)[:count]
            rows, numbers = rows[kept], numbers[kept]
    if rows is None:
        raise ValueError("The data set is empty. Received no batch.")
    return rows
