import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import perturbed
from tests.helpers import to_numpy


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("activation", ["snake", "elu"])
def test_a_unit_is_the_identity_at_first(activation, is_causal, rng):
    x = rng.normal(size=(2, 9, 3)).astype("float32")
    unit = layers.ResidualUnit1D(3, 2, activation, is_causal)
    np.testing.assert_array_equal(to_numpy(unit(x)), x)
    changed = to_numpy(perturbed(unit)(x))
    assert np.abs(changed - x).max() > 1e-3
