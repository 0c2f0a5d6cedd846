import keras
import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import gradients
from tests.helpers import to_numpy


def seen_by(fn, shape, position):
    """The input positions that the output at `position` depends on."""
    x = keras.Variable(np.random.default_rng(0).normal(size=(1, *shape, 2)))
    (gradient,) = gradients(
        lambda: keras.ops.sum(fn(x + 0.0)[(0, *position)]), [x]
    )
    return np.abs(gradient[0]).max(axis=-1) > 0


def raster_before(shape, position, own):
    order = np.arange(np.prod(shape)).reshape(shape)
    return order < order[position] + own


@pytest.mark.parametrize("shape", [(9,), (5, 6), (3, 4, 5)])
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_a_kernel_sees_what_comes_before_in_raster_order(shape, mask_type):
    layer = layers.MaskedConv(4, 3, mask_type)
    middle = tuple(n // 2 for n in shape)
    seen = seen_by(layer, shape, middle)
    near = np.zeros(shape, bool)
    near[tuple(slice(n // 2 - 1, n // 2 + 2) for n in shape)] = True
    expected = near & raster_before(shape, middle, mask_type == "B")
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_the_two_stacks_have_no_blind_spot(mask_type):
    first = layers.GatedMaskedConv(2, 3, mask_type)
    others = [layers.GatedMaskedConv(2, 3) for _ in range(5)]

    def horizontal(x):
        stacks = (x, x)
        for layer in [first, *others]:
            stacks = layer(stacks)
        return stacks[1]

    shape, position = (4, 5), (3, 1)
    # With mask A the vertical stack sees only the rows above. With mask B it
    # also sees its own row, so the output depends on the whole map.
    expected = raster_before(shape, position, own=0)
    if mask_type == "B":
        expected = np.ones(shape, bool)
    np.testing.assert_array_equal(
        seen_by(horizontal, shape, position), expected
    )


def test_plain_masks_have_a_blind_spot():
    masked = [layers.MaskedConv(2, 3, "A")]
    masked += [layers.MaskedConv(2, 3) for _ in range(5)]

    def stack(x):
        for layer in masked:
            x = layer(x)
        return x

    seen = seen_by(stack, (4, 5), (3, 0))
    assert seen[2, :2].all()
    assert not seen[2, 2:].any()  # in the row above, far to the right


@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("condition_size", [None, (1, 1), (3, 4)])
def test_rows_and_steps_equal_the_call(mask_type, condition_size, rng):
    height, width = 3, 4
    layer = layers.GatedMaskedConv(2, 5, mask_type)
    x = rng.normal(size=(2, height, width, 2)).astype("float32")
    condition = None
    if condition_size is not None:
        condition = rng.normal(size=(2, *condition_size, 3)).astype("float32")
    vertical, horizontal = to_numpy(layer((x, x), condition))
    # Mask A takes inputs shifted by one.
    shift = int(mask_type == "A")
    above = np.pad(x, [[0, 0], [shift, 0], [0, 0], [0, 0]])
    left = np.pad(x, [[0, 0], [0, 0], [shift, 0], [0, 0]])
    whole = condition
    if condition is not None:
        whole = np.broadcast_to(condition, (2, height, width, 3))
    row_cache = layer.initial_row_cache(2, width, 2)
    for i in range(height):
        row_condition = None if whole is None else whole[:, i : i + 1]
        found, features, row_cache = layer.start_row(
            above[:, i : i + 1], row_cache, row_condition
        )
        np.testing.assert_allclose(
            to_numpy(found)[:, 0], vertical[:, i], atol=1e-5
        )
        cache = layer.initial_cache(2, 2)
        for j in range(width):
            step_condition = None if whole is None else whole[:, i, j]
            found, cache = layer.step(
                keras.ops.convert_to_tensor(left[:, i, j]),
                cache,
                features[:, 0, j],
                step_condition,
            )
            np.testing.assert_allclose(
                to_numpy(found), horizontal[:, i, j], atol=1e-5
            )


@pytest.mark.parametrize("cls", [layers.MaskedConv, layers.GatedMaskedConv])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 4), "`kernel_size` must be odd.*4"),
        ((4, 1, "A"), "`kernel_size` must be an integer from 3 to .*=1"),
        ((4, 3, "C"), "`mask_type` must be one of 'A', 'B'.*'C'"),
    ],
)
def test_bad_arguments(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls(*arguments)
