import keras
import numpy as np
import pytest

from keras_vq.layers import GumbelQuantizer
from tests.helpers import to_numpy
from tests.reference import gumbel_quantizer as reference


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


def test_a_schedule_that_ends_at_zero_is_clipped(rng):
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
        ({"temperature": -1}, "temperature=-1"),
        (
            {"temperature": keras.optimizers.schedules.CosineDecay(0.0, 9)},
            "temperature=0.0",
        ),
        ({"kl_cost": -0.1}, "kl_cost=-0.1"),
    ],
)
def test_bad_arguments_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        GumbelQuantizer(8, 4, **kwargs)
