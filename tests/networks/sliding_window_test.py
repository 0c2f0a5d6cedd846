import numpy as np
import pytest

from keras_vq.networks import Conditioning
from keras_vq.networks import SlidingWindow
from tests.helpers import perturbed
from tests.networks import causal_networks
from tests.networks.causal_networks import NUM_CLASSES
from tests.networks.causal_networks import call
from tests.networks.causal_networks import call_in_steps
from tests.networks.causal_networks import compiled
from tests.networks.causal_networks import random_codes
from tests.networks.causal_networks import random_conditioning

# Networks of 2 x 2 positions, and how many rows a cell of the condition has.
CASES = {
    "plain": (("Transformer", (2, 2)), {}, 1),
    "labels, floats and two codes": (
        ("PixelCNN", (2, 2)),
        {
            "num_classes": NUM_CLASSES,
            "codes_per_position": 2,
            "has_condition": True,
        },
        1,
    ),
    "codes for two rows each": (
        ("Transformer", (2, 2)),
        {"condition_shape": (1, 2), "num_condition_embeddings": 7},
        2,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_features_are_those_of_the_window_around_each_position(case, rng):
    args, kwargs, rows_of_cell = CASES[case]
    network = perturbed(causal_networks.create(*args, **kwargs))
    large = SlidingWindow(network, (4, 4, *network.code_shape[2:]))
    codes = random_codes(rng, large, 2)
    labels, condition = random_conditioning(rng, large, 2)
    features_of = compiled(call, network)
    expected = np.zeros((2, 4, 4, large.features_dim), "float32")
    for row, column in np.ndindex(4, 4):
        top, left = max(row - 1, 0), max(column - 1, 0)
        if rows_of_cell == 2:
            # The window starts at a cell, and contains the position.
            top = row // 2 * 2
        window = None
        if condition is not None:
            first, last = top // rows_of_cell, (top + 1) // rows_of_cell
            window = condition[:, first : last + 1, left : left + 2]
        features = features_of(
            codes[:, top : top + 2, left : left + 2],
            Conditioning(labels, window),
        )
        expected[:, row, column] = features[:, row - top, column - left]
    for function in (call, call_in_steps):
        found = compiled(function, large)(
            codes, Conditioning(labels, condition)
        )
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_window_as_large_as_the_map_changes_nothing(rng):
    network = perturbed(
        causal_networks.create("PixelCNN", (2, 4), num_classes=NUM_CLASSES)
    )
    inputs = (
        random_codes(rng, network, 3),
        random_conditioning(rng, network, 3),
    )
    large = SlidingWindow(network, (2, 4))
    np.testing.assert_allclose(
        compiled(call, large)(*inputs),
        compiled(call, network)(*inputs),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("condition_shape", "code_shape", "message"),
    [
        (None, (2, 3), r"none of them smaller.*code_shape=\(2, 3\)"),
        (None, (2, 4, 4), r"as many axes.*code_shape=\(2, 4, 4\)"),
        ((3,), (4, 8), r"must be a multiple.*condition_shape=\(3,\)"),
        ((1, 3), (4, 8), r"must be a multiple.*condition_shape=\(1, 3\)"),
        ((1, 2), (5, 8), r"must be a multiple.*code_shape=\(5, 8\)"),
    ],
)
def test_bad_arguments(condition_shape, code_shape, message):
    condition = {}
    if condition_shape is not None:
        condition = {
            "condition_shape": condition_shape,
            "num_condition_embeddings": 6,
        }
    network = causal_networks.create("Transformer", (2, 4), **condition)
    with pytest.raises(ValueError, match=message):
        SlidingWindow(network, code_shape)
