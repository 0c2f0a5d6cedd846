import itertools

import numpy as np
import pytest
from keras import ops

from keras_vq.layers import FiniteScalarQuantizer
from tests.helpers import to_numpy

LEVELS = (8, 5, 2, 3)


def test_every_code_is_reached_and_round_trips():
    """All values of each channel, least significant level first."""
    layer = FiniteScalarQuantizer(LEVELS)
    indices = np.arange(layer.num_embeddings, dtype="int32")
    codes = to_numpy(layer.decode_indices(indices))
    values = [np.arange(-(n // 2), n - n // 2) / (n // 2) for n in LEVELS]
    expected = [v[::-1] for v in itertools.product(*values[::-1])]
    np.testing.assert_allclose(codes, expected, atol=1e-7)
    # Where the bound is inverted, each code stands for itself.
    half = (np.array(LEVELS) - 1) * 1.001 / 2
    offset = np.where(np.array(LEVELS) % 2 == 0, 0.5, 0)
    bounded = codes * (np.array(LEVELS) // 2)
    z = np.arctanh((bounded + offset) / half) - np.arctanh(offset / half)
    found = layer.encode_to_indices(z.astype("float32"))
    np.testing.assert_array_equal(to_numpy(found), indices)


def test_bfloat16_distinguishes_as_many_codes_as_float32(rng):
    """Index arithmetic in 16 bits would lose half of them."""
    layer = FiniteScalarQuantizer((8, 8, 8, 5, 5, 5), dtype="bfloat16")
    z = ops.cast(2 * rng.normal(size=(200, 6)), "bfloat16")
    low = layer(z)
    high = layer(ops.cast(z, "float32"))
    np.testing.assert_array_equal(
        to_numpy(low["indices"]), to_numpy(high["indices"])
    )
    assert (to_numpy(low["indices"]) > 1000).mean() > 0.9


@pytest.mark.parametrize("levels", [(), (5, 1), (5, 2.5)])
def test_bad_levels_are_reported(levels):
    with pytest.raises(ValueError, match=r"`levels` must be .*Received: .*\("):
        FiniteScalarQuantizer(levels)


def test_more_codes_than_an_index_can_name_are_rejected():
    with pytest.raises(ValueError, match=r"2\^31.*several groups"):
        FiniteScalarQuantizer((16,) * 8)


@pytest.mark.parametrize("levels", [(2048,), (1201, 4), (2, 3)])
def test_extreme_values_have_the_outermost_levels(levels):
    layer = FiniteScalarQuantizer(levels)
    z = np.array([[-20.0] * len(levels), [20.0] * len(levels)], "float32")
    outputs = to_numpy(layer(z))
    last = layer.num_embeddings - 1
    np.testing.assert_array_equal(outputs["indices"], [0, last])
    np.testing.assert_array_equal(
        to_numpy(layer.encode_to_indices(z)), [0, last]
    )
    ends = [(-(n // 2) / (n // 2), (n - 1) // 2 / (n // 2)) for n in levels]
    np.testing.assert_allclose(outputs["quantized"].T, ends, rtol=1e-6)
