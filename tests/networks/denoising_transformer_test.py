import numpy as np
import pytest

from keras_vq import networks
from keras_vq.networks import Conditioning
from tests.helpers import perturbed
from tests.helpers import run

SHAPE, K = (2, 3), 5
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8}


def test_a_new_network_finds_all_codes_equally_probable(rng):
    network = networks.DenoisingTransformer(SHAPE, K, **SMALL)
    logits = run(network, rng.integers(K + 1, size=(2, *SHAPE)))
    np.testing.assert_array_equal(logits, np.zeros((2, *SHAPE, K)))


def test_label_time_and_condition_matter(rng):
    network = perturbed(
        networks.DenoisingTransformer(
            SHAPE, K, 4, condition_shape=(3, 6), takes_time=True, **SMALL
        )
    )
    codes = rng.integers(K + 1, size=(1, *SHAPE))
    vectors = rng.normal(size=(1, 3, 6)).astype("float32")

    def logits(label=1, scale=1.0, time=0.25):
        conditioning = Conditioning(np.array([label]), scale * vectors)
        time = np.array([time], "float32")
        return run(lambda c, g, t: network(c, g, t), codes, conditioning, time)

    base = logits()
    assert base.shape == (1, *SHAPE, K)
    for other in (logits(label=2), logits(scale=2.0), logits(time=0.26)):
        assert np.abs(other - base).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_dim": 6, "num_heads": 4}, "num_heads=4 and 6 channels"),
        ({"condition_shape": (3,)}, r"condition_shape=\(3,\)"),
        ({"num_classes": 0}, "num_classes=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        networks.DenoisingTransformer(SHAPE, K, **{**SMALL, **arguments})
