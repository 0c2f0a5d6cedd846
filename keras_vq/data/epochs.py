"""The order of examples, a pure function of the seed and the epoch's number."""

import numpy as np
import tensorflow as tf

from keras_vq.checks import check_int
from keras_vq.checks import check_type

# Decoded images are kept in memory up to this many bytes; larger data sets are
# decoded in each epoch.
MEMORY_LIMIT = 4 * 2**30


class Memory:
    """Examples held in memory; an epoch is a permutation of their indices.

    Args:
        arrays: tuple of arrays `(n, ...)`.
    """

    def __init__(self, arrays):
        self.arrays = [tf.constant(array) for array in arrays]
        self.size = self.block = len(arrays[0])
        self.items = tf.data.Dataset.range(self.size)

    def batches(self, items, batch_size):
        def gather(indices):
            return tuple(tf.gather(array, indices) for array in self.arrays)

        return items.batch(batch_size).map(gather, tf.data.AUTOTUNE)


class Stream:
    """Examples that do not fit in memory, decoded again in each epoch.

    Args:
        examples: `tf.data.Dataset` of tuples, of known cardinality.
    """

    block = 10_000

    def __init__(self, examples):
        self.size = len(examples)
        self.items = examples

    def batches(self, items, batch_size):
        return items.batch(batch_size)


def in_order(source, shuffle, seed, epochs, batch_size, augment=None):
    """Make batches of a source, epoch by epoch.

    Args:
        source: `Memory` or `Stream`.
        shuffle: bool, whether to shuffle each epoch.
        seed: int, seed of the order.
        epochs: range or None; see `keras_vq.data.load`.
        batch_size: int, examples per batch; the last one may be smaller.
        augment: function of a batch and an int tensor `(2,)`, a seed that
            depends on `seed`, the epoch and the batch. Defaults to None.

    Returns:
        `tf.data.Dataset` of tuples `(batch, ...)`, of known cardinality.
    """
    batch_size = min(check_int("batch_size", batch_size), max(source.size, 1))
    seed = check_int("seed", seed, 0, 2**31 - 1)
    if epochs is None:
        items = source.items
        if shuffle:
            items = items.shuffle(source.block, seed)
        batches = source.batches(items, batch_size)
        if augment is None:
            return batches
        # Its numbers differ from one iteration to the next.
        numbers = tf.data.Dataset.random(
            seed, rerandomize_each_iteration=True
        ).batch(2)
        pairs = tf.data.Dataset.zip((batches, numbers))
        return pairs.map(
            lambda batch, key: augment(batch, tf.cast(key, tf.int32))
        )

    check_type("epochs", epochs, range, "a range or None")

    def one_epoch(number):
        items = source.items
        if shuffle:
            items = _shuffle_blocks(items, source.block, (seed, number))
        batches = source.batches(items, batch_size)
        if augment is None:
            return batches
        key = tf.random.experimental.stateless_fold_in(
            (seed, 0), tf.cast(number, tf.int32)
        )
        return batches.enumerate().map(
            lambda i, batch: augment(
                batch,
                tf.random.experimental.stateless_fold_in(
                    key, tf.cast(i, tf.int32)
                ),
            )
        )

    num_batches = -(-source.size // batch_size) * len(epochs)
    numbers = tf.data.Dataset.from_tensor_slices(np.array(epochs, "int64"))
    return numbers.flat_map(one_epoch).apply(
        tf.data.experimental.assert_cardinality(num_batches)
    )


def _shuffle_blocks(items, block, seed):
    """Shuffle by a pure function of `seed`, two integers.

    `Dataset.shuffle` also depends on the global seed and on the number of
    iterations so far.
    """

    def shuffle_block(number, *parts):
        size = tf.shape(tf.nest.flatten(parts)[0])[0]
        key = tf.random.experimental.stateless_fold_in(
            tf.cast(tf.stack(seed), tf.int32), tf.cast(number, tf.int32)
        )
        order = tf.random.experimental.stateless_shuffle(tf.range(size), key)
        parts = tf.nest.map_structure(lambda x: tf.gather(x, order), parts)
        return tf.data.Dataset.from_tensor_slices(
            parts if len(parts) > 1 else parts[0]
        )

    return (
        items.batch(block)
        .enumerate()
        .flat_map(
            lambda number, block: shuffle_block(
                number, *(block if isinstance(block, tuple) else (block,))
            )
        )
    )
