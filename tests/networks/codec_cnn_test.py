import numpy as np
import pytest

from keras_vq import layers
from keras_vq import networks
from tests.helpers import perturbed
from tests.helpers import run

SMALL = {"hidden_dim": 2, "strides": (2, 3), "dilations": (1, 2)}


def changed(network, x, position):
    """Which outputs change with the input at a position."""
    other = x.copy()
    other[0, position] += 1.0
    difference = np.abs(run(network, x) - run(network, other))
    return np.flatnonzero(difference[0].max(axis=-1) > 1e-7)


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("activation", ["snake", "elu"])
def test_a_vector_depends_on_its_samples_and_those_before(
    is_causal, activation, rng
):
    network = perturbed(
        networks.codec_encoder(
            (120, 1), 3, activation=activation, is_causal=is_causal, **SMALL
        )
    )
    x = rng.normal(size=(1, 120, 1)).astype("float32")
    assert run(network, x).shape == (1, 20, 3)
    for position in (60, 65):  # the first and the last sample of vector 10
        found = changed(network, x, position)
        assert 10 in found
        assert (found.min() == 10) == is_causal


@pytest.mark.parametrize("is_causal", [True, False])
def test_samples_depend_on_their_vector_and_those_before(is_causal, rng):
    network = perturbed(
        networks.codec_decoder((20, 3), 1, is_causal=is_causal, **SMALL)
    )
    z = rng.normal(size=(1, 20, 3)).astype("float32")
    assert run(network, z).shape == (1, 120, 1)
    found = changed(network, z, 10)
    assert set(range(60, 66)) <= set(found)
    assert (found.min() == 60) == is_causal


def test_snake(rng):
    layer = layers.Snake()
    layer.build((None, 2))
    layer.alpha.assign([1.0, 3.0])
    x = rng.normal(size=(4, 2)).astype("float32")
    alpha = np.array([1.0, 3.0])
    expected = x + np.sin(alpha * x) ** 2 / alpha
    np.testing.assert_allclose(run(layer, x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (100, 1)}, r"must divide .*\(100, 1\).* is 6"),
        ({"strides": (1, 2)}, "strides=1"),
        ({"activation": "relu"}, "'snake', 'elu'"),
        ({"input_shape": (12, 12, 1)}, "input_shape"),
        ({"is_causal": None}, "is_causal=None"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        networks.codec_encoder(
            **{"input_shape": (120, 1), "output_dim": 3, **SMALL, **arguments}
        )
