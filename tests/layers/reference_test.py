"""A hundred training steps of each quantizer beside those of a NumPy loop."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import backend
from keras_vq import layers
from tests.conformance.cases import LAYERS
from tests.helpers import assert_close
from tests.helpers import compiled_step
from tests.helpers import to_numpy
from tests.reference.cases import BATCH
from tests.reference.cases import CASES
from tests.reference.cases import POSITIONS

STEPS, RATE = 100, 0.3


@pytest.fixture
def normal(rng):
    """Normal numbers of a shape, which float32 holds exactly."""
    return lambda *shape: rng.normal(size=shape).astype("float32")


def next_draws(layer, shape):
    """The uniform numbers that the layer's next step draws."""
    twin = keras.random.SeedGenerator(0)
    twin.state.assign(layer.seed_generator.state)
    return to_numpy(keras.random.uniform(shape, seed=twin))


def started(make, normal):
    """A case, its layer with the weights and state of its reference."""
    layer, reference, draws = make(normal)
    layer.build()
    kept = layer.trainable_weights + layer.non_trainable_weights
    for variable, value in zip(
        kept, reference.weights + reference.state, strict=True
    ):
        variable.assign(value)
    return layer, reference, draws, kept


def flat(x):
    return to_numpy(x).reshape(-1, x.shape[-1]).astype("float64")


def compare_outputs(outputs, expected):
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        found = outputs[name].reshape(np.shape(value))
        if name == "indices":
            np.testing.assert_array_equal(found, value)
        else:
            assert_close(found, value, name=name)


EACH = pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)


@EACH
def test_inference_equals_the_reference_and_changes_nothing(normal, make):
    layer, reference, _, kept = started(make, normal)
    before = to_numpy(kept)
    z = normal(BATCH, POSITIONS, layer.embedding_dim)
    expected, _ = reference.step(flat(z), np.zeros_like(flat(z)))
    compare_outputs(to_numpy(layer(z)), expected)
    indices = to_numpy(layer.encode_to_indices(z))
    np.testing.assert_array_equal(
        indices.reshape(expected["indices"].shape), expected["indices"]
    )
    for variable, value in zip(kept, before, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), value)


@EACH
def test_a_hundred_training_steps_equal_those_of_the_reference(normal, make):
    """Outputs, losses and gradients of each, weights and state after all."""
    layer, reference, shape_of_draws, kept = started(make, normal)
    start = [value.copy() for value in reference.weights]
    shape = (BATCH, POSITIONS, layer.embedding_dim)
    z, upstream = (
        keras.Variable(np.zeros(shape, "float32"), name=name)
        for name in ("z", "upstream")
    )
    learned = [z, *layer.trainable_weights]

    def training_step():
        def losses():
            outputs = layer(ops.convert_to_tensor(z), training=True)
            given = ops.sum(upstream * outputs["quantized"])
            return (given + outputs["loss"],), outputs

        _, outputs, pullback = backend.vjp(losses, learned)
        return outputs, list(pullback((1.0,)))

    step = compiled_step(training_step, [z, upstream, *layer.variables])
    for _ in range(STEPS):
        z.assign(normal(*shape))
        upstream.assign(0.1 * normal(*shape))
        draws = []
        if shape_of_draws is not None:
            draws = [next_draws(layer, shape_of_draws)]
        outputs, gradients = step()
        expected, expected_gradients = reference.step(
            flat(z), flat(upstream), *draws
        )
        compare_outputs(outputs, expected)
        for variable, found, value in zip(
            learned, gradients, expected_gradients, strict=True
        ):
            name = f"the gradient to {variable.name}"
            assert_close(found.reshape(value.shape), value, name=name)

        for variable, gradient in zip(learned[1:], gradients[1:], strict=True):
            variable.assign(to_numpy(variable) - RATE * gradient)
        for value, gradient in zip(
            reference.weights, expected_gradients[1:], strict=True
        ):
            value -= RATE * gradient
    for variable, value in zip(
        kept, reference.weights + reference.state, strict=True
    ):
        assert_close(to_numpy(variable), value, name=variable.name)
    for value, first in zip(reference.weights, start, strict=True):
        assert np.abs(value - first).max() > 0.2, "hardly anything was learned"


def test_no_quantizer_is_left_out(normal):
    found = {type(make(normal).layer) for make in CASES}
    assert found == {cls for cls in LAYERS if issubclass(cls, layers.Quantizer)}
