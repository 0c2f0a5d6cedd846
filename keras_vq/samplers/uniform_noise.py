import numpy as np

from keras_vq.checks import check_int

# Threefry-2x32 with 20 rounds, as in Random123 and JAX.
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def uniform_noise(seed, count, length):
    """Generate uniform random numbers that only depend on the seed.

    Each number is a hash of the seed, its row and its column, so the first rows
    do not depend on the number of rows. `keras_vq.export` computes the same
    numbers inside an exported graph.

    Args:
        seed: int in [0, 2**31), or None for a random seed.
        count: int, number of rows.
        length: int, number of columns.

    Returns:
        NumPy float32 array `(count, length)` in [0, 1), with 24 random bits
        each.

    Raises:
        ValueError: If the seed is out of range.

    Example:

    >>> keras_vq.samplers.uniform_noise(0, 2, 3).shape
    (2, 3)

    References:
        Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011.
    """
    return NoiseRows(seed, count, length)[:]


class NoiseRows:
    """`uniform_noise` that is computed when its rows are sliced.

    Args:
        seed, count, length: See `uniform_noise`.

    Raises:
        ValueError: If the seed is out of range.

    Example:

    >>> rows = keras_vq.samplers.NoiseRows(0, 1_000_000, 1_000_000)
    >>> rows[5:8].shape
    (3, 1000000)
    """

    ndim = 2

    def __init__(self, seed, count, length):
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        self.seed = check_int("seed", seed, 0, 2**31 - 1)
        self.shape = (count, length)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        count, length = self.shape
        row, column = np.meshgrid(
            np.arange(*rows.indices(count), dtype="uint32"),
            np.arange(length, dtype="uint32"),
            indexing="ij",
        )
        bits = threefry(np.uint32(self.seed), row, column, np.uint32, _rotate)
        return (bits >> np.uint32(8)).astype("float32") * np.float32(2.0**-24)


def threefry(key, x, y, cast, rotate):
    """Compute random bits for pairs of counters.

    Args:
        key: uint32 scalar.
        x: uint32 array or tensor.
        y: uint32 array or tensor of the same shape.
        cast: Function that converts an int to a uint32 scalar.
        rotate: Function `rotate(x, bits)` that rotates words to the left.

    Returns:
        uint32 array or tensor of the same shape.
    """
    keys = (key, cast(0), key ^ cast(_PARITY))
    x, y = x + keys[0], y + keys[1]
    for i in range(5):
        for bits in _ROTATIONS[i % 2]:
            x = x + y
            y = rotate(y, bits) ^ x
        x = x + keys[(i + 1) % 3]
        y = (y + keys[(i + 2) % 3]) + cast(i + 1)
    return x


def _rotate(x, bits):
    return (x << np.uint32(bits)) | (x >> np.uint32(32 - bits))
