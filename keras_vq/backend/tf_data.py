"""Checks inside a `tf.data.Dataset`, which any backend may train on."""


def with_checks(dataset, check):
    """The data set, with a check of each batch as it is read.

    Args:
        dataset: `tf.data.Dataset`.
        check: Function of a batch as NumPy arrays, in the data set's structure,
            that raises an error.

    Returns:
        `tf.data.Dataset` of the same batches; reading a batch that `check`
        rejects raises an error with its message.
    """
    # Whoever has such a data set has TensorFlow.
    import tensorflow as tf

    def checked(*batch):
        flat = tf.nest.flatten(batch)

        def check_arrays(*arrays):
            check(tf.nest.pack_sequence_as(batch, arrays))
            return 0

        done = tf.numpy_function(check_arrays, flat, tf.int64)
        with tf.control_dependencies([done]):
            flat = [tf.identity(part) for part in flat]
        packed = tf.nest.pack_sequence_as(batch, flat)
        # A data set passes its only part without the tuple around it.
        is_tuple = isinstance(dataset.element_spec, tuple)
        return packed if is_tuple else packed[0]

    return dataset.map(checked)
