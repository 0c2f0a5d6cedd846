"""A toy model with two optimizers, stepped one after the other."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import backend
from keras_vq import training
from keras_vq.training import OptimizerGroup
from tests.helpers import to_numpy


@keras.saving.register_keras_serializable(package="tests")
class Duel(training.Model):
    """A generator moves points; a discriminator separates them from others."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.layers.Dense(2, dtype=self.dtype_policy)
        self.discriminator = keras.layers.Dense(1, dtype=self.dtype_policy)
        for layer in (self.generator, self.discriminator):
            layer.build((None, 2))
        self.track("error")

    def variable_groups(self):
        return {
            "generator": self.generator.trainable_variables,
            "discriminator": self.discriminator.trainable_variables,
        }

    def logits(self, x):
        return ops.mean(ops.cast(self.discriminator(x), "float32"))

    def training_step(self, data):
        x, _ = self.unpack(data)
        groups = self.variable_groups()

        def generator_losses():
            y = ops.cast(self.generator(x), "float32")
            return (ops.mean(ops.square(y - x)), -self.logits(y)), y

        (error, _), y, pullback = backend.vjp(
            generator_losses, groups["generator"], persistent=True
        )
        # The ratio of two gradients, like the adaptive weight of a VQGAN.
        kernel = [self.generator.kernel]
        norms = [
            ops.sqrt(ops.sum(ops.square(pullback(mix, kernel)[0])))
            for mix in ((1.0, 0.0), (0.0, 1.0))
        ]
        weight = norms[0] / (norms[1] + 1e-4)
        self.apply_pullback(pullback, (1.0, weight), name="generator")

        y = ops.stop_gradient(y)

        def discriminator_loss():
            return (self.logits(y) - self.logits(x),), None

        _, _, pullback = backend.vjp(
            discriminator_loss, groups["discriminator"]
        )
        self.apply_pullback(pullback, (1.0,), name="discriminator")
        return self.logs_of({"error": error}, ops.shape(x)[0])


def compiled(**kwargs):
    model = Duel(**kwargs)
    model.compile(
        {
            "generator": keras.optimizers.Adam(0.01),
            "discriminator": keras.optimizers.SGD(0.02, momentum=0.9),
        }
    )
    return model


def weights(model):
    optimizers = model.optimizer.variables
    return [to_numpy(v) for v in (*model.weights, *optimizers)]


@pytest.fixture
def x(rng):
    return rng.normal(size=(32, 2)).astype("float32")


def fit(model, x, **kwargs):
    return model.fit(x, batch_size=8, shuffle=False, verbose=0, **kwargs)


def reference_step(w, x, optimizers):
    """One step of both optimizers in NumPy, on explicit derivatives."""
    g, a, d, b = w  # kernels and biases of the generator and discriminator
    y = x @ g + a
    n = len(x)
    to_y = [2 * (y - x) / y.size, np.broadcast_to(-d.T / n, y.shape)]
    kernel_grads = [x.T @ grad for grad in to_y]
    norms = [np.linalg.norm(k) for k in kernel_grads]
    mix = to_y[0] + norms[0] / (norms[1] + 1e-4) * to_y[1]
    optimizers["generator"]([g, a], [x.T @ mix, mix.sum(0)])
    grad = (y.mean(0) - x.mean(0))[:, None]
    optimizers["discriminator"]([d, b], [grad, np.zeros(1)])


def test_steps_equal_a_reference_in_numpy(x):
    model = compiled()
    model.compile(
        {
            "generator": keras.optimizers.SGD(0.01),
            "discriminator": keras.optimizers.SGD(0.02),
        }
    )
    w = [to_numpy(v).astype("float64") for v in model.trainable_variables]

    def sgd(rate):
        def step(variables, grads):
            for v, g in zip(variables, grads, strict=True):
                v -= rate * g

        return step

    fit(model, x, epochs=3)
    optimizers = {"generator": sgd(0.01), "discriminator": sgd(0.02)}
    for _ in range(3):
        for batch in np.split(x.astype("float64"), 4):
            reference_step(w, batch, optimizers)
    for found, expected in zip(model.trainable_variables, w, strict=True):
        np.testing.assert_allclose(to_numpy(found), expected, atol=1e-5)


def test_saved_and_resumed_equals_never_stopped(x, tmp_path):
    model = compiled()
    fit(model, x, epochs=2)
    model.save(tmp_path / "duel.keras")
    loaded = keras.models.load_model(tmp_path / "duel.keras")
    assert isinstance(loaded.optimizer, OptimizerGroup)
    assert float(loaded.optimizer["discriminator"].momentum) == 0.9
    for a, b in zip(weights(loaded), weights(model), strict=True):
        np.testing.assert_array_equal(a, b)
    fit(model, x, epochs=2)
    fit(loaded, x, epochs=2)
    for a, b in zip(weights(loaded), weights(model), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert int(model.optimizer.iterations) == 16


def test_backup_restores_both_optimizers(x, tmp_path):
    model = compiled()
    fit(model, x, epochs=2)
    model.save_weights(tmp_path / "duel.weights.h5")
    other = compiled()
    other.load_weights(tmp_path / "duel.weights.h5")
    for a, b in zip(weights(other), weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_learning_rate_callbacks_reach_the_members(x):
    model = compiled()
    plateau = keras.callbacks.ReduceLROnPlateau(
        "error", mode="min", factor=0.5, patience=0, min_delta=1e9
    )
    fit(model, x, epochs=3, callbacks=[plateau])
    rates = [float(o.learning_rate) for o in model.optimizer.optimizers]
    assert rates == pytest.approx([0.01 / 4, 0.02 / 4])
    scheduler = keras.callbacks.LearningRateScheduler(lambda _, rate: 2 * rate)
    fit(model, x, epochs=1, callbacks=[scheduler])
    rates = [float(o.learning_rate) for o in model.optimizer.optimizers]
    assert rates == pytest.approx([0.01 / 2, 0.02 / 2])


def test_setting_the_learning_rate_sets_that_of_every_member():
    model = compiled()
    model.optimizer.learning_rate = 0.5
    assert [float(o.learning_rate) for o in model.optimizer.optimizers] == [
        0.5,
        0.5,
    ]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    group = OptimizerGroup(
        {
            "one": keras.optimizers.SGD(0.25),
            "two": keras.optimizers.SGD(schedule),
        }
    )
    with pytest.raises(TypeError, match=r"'two' follows a LearningRateSched"):
        group.learning_rate = 0.5
    assert float(group["one"].learning_rate) == 0.25


def test_loss_scaling_of_each_member(x):
    model = compiled(dtype="mixed_float16")
    scaled = keras.optimizers.LossScaleOptimizer
    assert all(isinstance(o, scaled) for o in model.optimizer.optimizers)
    history = fit(model, x, epochs=3).history["error"]
    assert np.isfinite(history).all()


def test_weight_averaging_survives_a_second_fit(x):
    model = Duel()
    model.compile(
        {
            "generator": keras.optimizers.Adam(0.01, use_ema=True),
            "discriminator": keras.optimizers.SGD(0.02),
        }
    )
    for _ in range(2):
        fit(model, x)


def test_names_must_be_those_of_the_groups():
    with pytest.raises(ValueError, match=r"named \['discriminator', 'gen.*cri"):
        Duel().compile({"generator": "adam", "critic": "adam"})


def test_no_step_of_the_group_as_a_whole():
    with pytest.raises(TypeError, match="one member"):
        compiled().optimizer.apply([], [])
