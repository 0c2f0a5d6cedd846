import keras
import numpy as np
from keras import ops


def in_batches(step, arrays, batch_size):
    """Run a compiled function over arrays of any length, in equal batches.

    Args:
        step: A function of tensors, as many as there are arrays.
        arrays: list of arrays or tuples of arrays, all `(n, ...)`.
        batch_size: int, rows per batch.

    Returns:
        What `step` returns, tensor or tuple of tensors `(batch, ...)`, as NumPy
        arrays `(n, ...)`.
    """
    length = len(keras.tree.flatten(arrays)[0])
    outputs = []
    for start in range(0, max(length, 1), batch_size):
        size = min(batch_size, length - start)
        # Another shape would compile anew, and no kernel likes none.
        padded = batch_size if start > 0 else max(size, 1)

        def batch(array, start=start, padded=padded):
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
