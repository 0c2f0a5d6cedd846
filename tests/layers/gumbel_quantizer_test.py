import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import GumbelQuantizer
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import gumbel_quantizer as reference


def noise_of(layer, shape):
    """The noise that the layer's next training step draws."""
    twin = keras.random.SeedGenerator(layer.seed)
    twin.state.assign(layer.seed_generator.state)
    u = to_numpy(keras.random.uniform(shape, 1e-20, 1.0, seed=twin))
    return -np.log(-np.log(u.astype("float64")))


@pytest.mark.parametrize("hard", [True, False])
def test_a_training_step_equals_the_reference(rng, hard):
    z = keras.Variable(rng.normal(size=(7, 3)).astype("float32"))
    upstream = rng.normal(size=(7, 3)).astype("float32")
    layer = GumbelQuantizer(
        5, 3, temperature=0.7, kl_cost=0.3, hard=hard, seed=1
    )
    layer.build()
    trainable = [layer.kernel, layer.bias, layer.embeddings]
    for v in trainable:
        v.assign(rng.normal(size=v.shape))
    weights = to_numpy([v.value for v in trainable])
    state = to_numpy(layer.seed_generator.state)
    noise = noise_of(layer, (7, 5))
    quantized, indices, kl_loss, grads = reference.step(
        to_numpy(z), weights, noise, 0.7, upstream, 0.3, hard
    )
    outputs = to_numpy(layer(ops.convert_to_tensor(z), training=True))
    np.testing.assert_array_equal(outputs["indices"], indices)
    np.testing.assert_allclose(
        outputs["quantized"], quantized, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(outputs["kl_loss"], kl_loss, rtol=1e-5)
    np.testing.assert_allclose(outputs["loss"], 0.3 * kl_loss, rtol=1e-5)

    def loss():
        layer.seed_generator.state.assign(state)
        outputs = layer(ops.convert_to_tensor(z), training=True)
        total = ops.sum(ops.multiply(upstream, outputs["quantized"]))
        return total + outputs["loss"]

    # Both draws of the gradients are those of the reference.
    layer.seed_generator.state.assign(state)
    for a, b in zip(gradients(loss, [z, *trainable]), grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_draws_follow_the_softmax(rng):
    layer = GumbelQuantizer(4, 2, seed=1)
    layer.build()
    logits = np.array([1.0, 0.0, -1.0, 2.0])
    layer.kernel.assign(np.zeros((2, 4)))
    layer.bias.assign(logits)
    outputs = layer(np.zeros((20_000, 2), "float32"), training=True)
    shares = np.bincount(to_numpy(outputs["indices"]), minlength=4) / 20_000
    np.testing.assert_allclose(shares, reference.softmax(logits), atol=0.015)


def test_inference_takes_the_likeliest_code_without_noise(rng):
    layer = GumbelQuantizer(5, 3)
    z = rng.normal(size=(7, 3)).astype("float32")
    outputs, again = to_numpy(layer(z)), to_numpy(layer(z))
    logits = z @ to_numpy(layer.kernel)
    np.testing.assert_array_equal(outputs["indices"], logits.argmax(axis=1))
    np.testing.assert_array_equal(outputs["quantized"], again["quantized"])


def test_temperature_follows_the_schedule_over_training_steps(rng):
    schedule = keras.optimizers.schedules.PolynomialDecay(2.0, 4, 0.5)
    layer = GumbelQuantizer(5, 3, temperature=schedule)
    z = rng.normal(size=(2, 3)).astype("float32")
    found = []
    for _ in range(6):
        layer(z)  # does not count
        found.append(float(layer.current_temperature()))
        layer(z, training=True)
    np.testing.assert_allclose(
        found, [2, 1.625, 1.25, 0.875, 0.5, 0.5], rtol=1e-6
    )


def test_a_schedule_that_ends_at_zero_divides_by_more(rng):
    schedule = keras.optimizers.schedules.CosineDecay(1.0, 1)
    layer = GumbelQuantizer(5, 3, temperature=schedule)
    z = rng.normal(size=(2, 3)).astype("float32")
    for _ in range(2):
        outputs = to_numpy(layer(z, training=True))
    assert float(layer.current_temperature()) == pytest.approx(0.01)
    assert np.isfinite(outputs["quantized"]).all()


def test_uniform_logits_have_no_kl(rng):
    layer = GumbelQuantizer(5, 3)
    outputs = layer(np.zeros((4, 3), "float32"))
    np.testing.assert_allclose(to_numpy(outputs["kl_loss"]), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"temperature": -1}, "temperature=-1.0"),
        (
            {"temperature": keras.optimizers.schedules.CosineDecay(0.0, 9)},
            "temperature=0.0 at step 0",
        ),
        ({"kl_cost": -0.1}, "kl_cost=-0.1"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        GumbelQuantizer(8, 4, **kwargs)
