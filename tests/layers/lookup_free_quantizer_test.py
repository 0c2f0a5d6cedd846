import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import LookupFreeQuantizer
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import lookup_free_quantizer as reference

BOTH = pytest.mark.parametrize("spherical", [False, True])
COSTS = {"entropy_cost": 0.3, "diversity": 0.7, "commitment_cost": 0.4}


@BOTH
def test_forward_and_losses_equal_the_table_of_all_codes(rng, spherical):
    """The entropy over 2^D codes is exactly the sum over bits."""
    z = rng.normal(size=(12, 5)).astype("float32")
    layer = LookupFreeQuantizer(
        5, inverse_temperature=0.6, spherical=spherical, **COSTS
    )
    outputs = to_numpy(layer(z))
    quantized, indices, losses = reference.forward(z, 0.6, spherical)
    np.testing.assert_array_equal(outputs["indices"], indices)
    np.testing.assert_allclose(outputs["quantized"], quantized, rtol=1e-6)
    for name, value in losses.items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-5)
    entropies = losses["sample_entropy"] - 0.7 * losses["batch_entropy"]
    total = 0.3 * entropies + 0.4 * losses["commitment_loss"]
    np.testing.assert_allclose(outputs["loss"], total, rtol=1e-5)


@BOTH
def test_gradients_equal_differences_of_the_reference(rng, spherical):
    """Each loss by itself; the codes of the losses are constants."""
    z = rng.normal(size=(6, 3)).astype("float32")
    z += 0.1 * np.sign(z)  # no sign may change by the step below
    layer = LookupFreeQuantizer(3, spherical=spherical)
    step = 1e-5
    for name in layer.loss_names:
        variable = keras.Variable(z)
        (found,) = gradients(
            lambda v=variable, n=name: layer(ops.convert_to_tensor(v))[n],
            [variable],
        )
        expected = np.zeros(z.shape)
        for place in np.ndindex(*z.shape):
            moved = [z.astype("float64"), z.astype("float64")]
            moved[0][place] += step
            moved[1][place] -= step
            values = [
                reference.forward(m, 1.0, spherical)[2][name] for m in moved
            ]
            expected[place] = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_gradient_of_the_output_is_copied(rng):
    z = keras.Variable(rng.normal(size=(6, 3)).astype("float32"))
    upstream = rng.normal(size=(6, 3)).astype("float32")
    layer = LookupFreeQuantizer(3)

    def loss():
        quantized = layer(ops.convert_to_tensor(z))["quantized"]
        return ops.sum(ops.multiply(upstream, quantized))

    np.testing.assert_allclose(gradients(loss, [z])[0], upstream, rtol=1e-6)


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
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        LookupFreeQuantizer(**kwargs)
