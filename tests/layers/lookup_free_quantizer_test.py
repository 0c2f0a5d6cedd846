import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import LookupFreeQuantizer
from tests.helpers import gradients
from tests.helpers import to_numpy


def test_spherical_outputs_have_length_one(rng):
    layer = LookupFreeQuantizer(7, spherical=True)
    quantized = to_numpy(layer(rng.normal(size=(9, 7)))["quantized"])
    np.testing.assert_allclose(np.linalg.norm(quantized, axis=1), 1, rtol=1e-5)


def test_certain_bits_give_finite_gradients():
    z = keras.Variable(np.full((4, 3), 1e4, "float32"))
    layer = LookupFreeQuantizer(3)
    (found,) = gradients(lambda: layer(ops.convert_to_tensor(z))["loss"], [z])
    assert np.isfinite(found).all()


def test_thirty_bits_need_no_table(rng):
    layer = LookupFreeQuantizer(30)
    z = rng.normal(size=(5, 30)).astype("float32")
    outputs = to_numpy(layer(z))
    places = 2.0 ** np.arange(30)
    np.testing.assert_array_equal(outputs["indices"], (z > 0) @ places)
    assert layer.num_embeddings == 2**30


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"embedding_dim": 31}, "at most 30.*embedding_dim=31.*groups"),
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"embedding_dim": 3, "entropy_cost": -1}, "entropy_cost=-1"),
        ({"embedding_dim": 3, "inverse_temperature": 0}, "temperature=0"),
    ],
)
def test_bad_arguments_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        LookupFreeQuantizer(**kwargs)
