"""Batches of whatever `fit` accepts, as NumPy arrays."""

import copy
import itertools
import time
import types
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_vq.backend.tf_data import with_checks
from keras_vq.checks import check_ends
from keras_vq.checks import check_int

# Loops that take longer show a progress bar.
_SECONDS_UNSEEN = 2.0


def to_array(x):
    """Array, list or tensor as a NumPy array."""
    if isinstance(x, (np.ndarray, list)):
        return np.asarray(x)
    return np.asarray(ops.convert_to_numpy(x))


def first_batch(x, y=None, batch_size=None, check=None):
    """The first batch of whatever `fit` and `predict` accept.

    Args:
        x: Array or tuple of arrays, `tf.data.Dataset`,
            `keras.utils.PyDataset`, iterable of batches (a
            `torch.utils.data.DataLoader`, say) or generator.
        y: Array of labels or None, if `x` is an array.
        batch_size: int or None, rows of an array to return; None for 32.
        check: Function of the inputs and labels (or None) of a batch as NumPy
            arrays that raises an error, or None. It is called for each batch
            of a data set as it is read; for arrays, see `check_arrays`.
            Defaults to None.

    Returns:
        `x, batch, labels`: `x` to use in place of the argument, which checks
        its batches and does not lose the first one; the inputs of the first
        batch and its labels (all of them, if given as an array) as NumPy
        arrays. They are None if there are none or their type is unknown.

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
        x = x if check is None else _CheckedPyDataset(x, check)
    elif isinstance(x, types.GeneratorType):
        batch = next(x, None)
        x = _chain(batch, x, check)
    elif hasattr(x, "element_spec") and hasattr(x, "take"):  # tf.data
        if isinstance(x.element_spec, dict):
            x = x.map(_tuple_of)
        batch = next(iter(x.take(1)), None)
        x = _of_known_rank(x, batch)
        if check is not None:
            x = with_checks(x, lambda batch: check(*_pair(batch)))
    elif hasattr(x, "collate_fn"):  # a PyTorch DataLoader
        # Keras reads batches that are no tuples on PyTorch alone.
        x = copy.copy(x)
        x.collate_fn = _Collated(x.collate_fn, check)
        batch = next(iter(x), None)
    elif hasattr(x, "__iter__") and not isinstance(x, (list, dict, str)):
        batch = next(iter(x), None)
    elif isinstance(x, (list, dict)) and x:  # Keras reads some of them
        return x, None, None
    else:
        raise _unknown_data(x)
    inputs, labels = _pair(batch)
    if inputs is None or getattr(inputs, "shape", (None,))[0] == 0:
        raise ValueError("The data set is empty. Received no batch.")
    return x, _to_numpy(inputs), _to_numpy(labels)


def check_arrays(x, y, check):
    """Check all rows if the data are arrays; see `first_batch`."""
    inputs = _to_numpy(x)
    if inputs is not None:
        check(inputs, _to_numpy(y))


def _pair(batch):
    """Inputs and labels, or None, of a batch of a data set."""
    if isinstance(batch, dict):
        batch = pair_of(batch)
    if not isinstance(batch, (list, tuple)):
        return batch, None
    inputs, labels = (*batch, None)[:2]
    return tuple(inputs) if isinstance(inputs, list) else inputs, labels


def _of_known_rank(dataset, batch):
    """The data set, with the shapes of its first batch if it states none."""
    specs = keras.tree.flatten(dataset.element_spec)
    if batch is None or all(spec.shape.rank is not None for spec in specs):
        return dataset
    ranks = [len(part.shape) for part in keras.tree.flatten(batch)]

    def ranked(*parts):
        for part, rank in zip(keras.tree.flatten(parts), ranks, strict=True):
            part.set_shape([None] * rank)
        return parts if isinstance(dataset.element_spec, tuple) else parts[0]

    return dataset.map(ranked)


def _unknown_data(data):
    return ValueError(
        "The data must be an array, a data set or an iterable of batches. "
        f"Received: {data!r} of type {type(data).__name__}"
    )


def _checked(batch, check):
    if check is not None:
        check(*map(_to_numpy, _pair(batch)))
    return batch


def _chain(batch, rest, check):
    # A generator, since Keras does not accept an `itertools.chain`.
    for each in itertools.chain([batch], rest):
        yield _checked(_as_tuple(each), check)


class _Collated:
    """Collates rows as a `DataLoader` does, into a tuple, and checks them."""

    def __init__(self, collate, check):
        self.collate = collate
        self.check = check

    def __call__(self, rows):
        return _checked(_as_tuple(self.collate(rows)), self.check)


class _CheckedPyDataset(keras.utils.PyDataset):
    """A `PyDataset` that checks each batch."""

    def __init__(self, dataset, check):
        super().__init__(
            dataset.workers,
            dataset.use_multiprocessing,
            dataset.max_queue_size,
        )
        self.dataset = dataset
        self.check = check

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        return _checked(self.dataset[index], self.check)

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


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

    Raises:
        ValueError: If a data set is endless.
    """
    check_ends(data, "dataset.take(n)")
    check_int("batch_size", batch_size)
    if hasattr(data, "shape"):
        array = to_array(data)
        data = (
            array[start : start + batch_size]
            for start in range(0, len(array), batch_size)
        )
    elif isinstance(data, keras.utils.PyDataset):
        data = map(data.__getitem__, range(data.num_batches))
    if not hasattr(data, "__iter__"):
        raise _unknown_data(data)
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


def _as_tuple(batch):
    """A batch of a generator or a `DataLoader`, as Keras reads it."""
    if isinstance(batch, dict):
        batch = _tuple_of(batch)
    return batch if isinstance(batch, (tuple, list)) else (batch,)


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


def in_batches(step, arrays, batch_size, check=None, progress=False):
    """Run a compiled function over arrays of any length, batch by batch.

    Args:
        step: A function of tensors, one for each of `arrays`.
        arrays: list of arrays `(n, ...)` or of nested structures of them; None
            in a structure stays None.
        batch_size: int, rows per batch.
        check: Function of the rows of the first array, NumPy, called for each
            batch; raises if they do not fit. Defaults to None.
        progress: bool, whether to show a progress bar after two seconds.
            Defaults to False.

    Returns:
        What `step` returns, a tensor `(batch, ...)` or a tuple of tensors, as
        NumPy arrays `(n, ...)`.
    """
    batch_size = check_int("batch_size", batch_size)
    length = len(keras.tree.flatten(arrays)[0])
    outputs: list = []
    starts = range(0, max(length, 1), batch_size)
    began, bar = time.monotonic(), None
    for start in starts:
        size = min(batch_size, length - start)
        if check is not None:
            check(arrays[0][start : start + batch_size])
        # Another shape would be compiled again: pad the last of several batches
        # to their size, and a single one to a power of two. Some kernels reject
        # empty inputs.
        padded = batch_size
        if start == 0:
            padded = min(batch_size, 1 << (max(size, 1) - 1).bit_length())

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
        is_long = time.monotonic() - began > _SECONDS_UNSEEN
        if progress and is_long and bar is None and len(outputs) < len(starts):
            bar = keras.utils.Progbar(len(starts), unit_name="batch")
        if bar is not None:
            bar.update(len(outputs))
    return keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *outputs
    )
