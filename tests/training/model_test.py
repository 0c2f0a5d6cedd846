"""The training step under everything that Keras's `fit` can be told."""

import keras
import numpy as np
import pytest

from keras_vq.training import Trainer
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy

IS_TORCH = keras.config.backend() == "torch"


def weights_after(model, x, **kwargs):
    model.fit(x, batch_size=8, shuffle=False, verbose=0, **kwargs)
    return [to_numpy(w) for w in model.weights]


def assert_same(a, b, atol=1e-5):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=atol)


@keras.saving.register_keras_serializable(package="tests")
class Regression(Trainer, keras.Model):
    """A dense layer and its mean squared error, by our step."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3, dtype=self.dtype_policy)
        self.dense.build((None, 4))
        self.built = True

    def call(self, x):
        return self.dense(x)

    def losses_of(self, data):
        x, y = data
        error = keras.ops.cast(self.dense(x), "float32") - y
        loss = keras.ops.mean(keras.ops.square(error))
        return loss, loss

    def training_step(self, data):
        return self.logs_of(self.minimize(lambda: self.losses_of(data)))

    def evaluation_step(self, data):
        return self.logs_of(self.losses_of(data)[0])

    def logs_of(self, loss):
        (metric,) = self.metrics
        metric.update_state(loss)
        return self.get_metrics_result()


def regression_data(rng):
    x = rng.normal(size=(32, 4)).astype("float32")
    return x, (x @ rng.normal(size=(4, 3))).astype("float32")


def stock_regression():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"jit_compile": True},
        {"jit_compile": False},
        {"run_eagerly": True},
        {"optimizer": {"gradient_accumulation_steps": 2}},
        {"optimizer": {"clipnorm": 0.01}},
        {"optimizer": {"use_ema": True, "ema_overwrite_frequency": 3}},
    ],
)
def test_equals_the_stock_training_step(rng, options):
    x, y = regression_data(rng)
    stock, ours = stock_regression(), Regression()
    ours.dense.set_weights(stock.get_weights())
    options = dict(options)
    optimizer = options.pop("optimizer", {})
    for model, loss in ((stock, "mse"), (ours, None)):
        adam = keras.optimizers.Adam(0.05, **optimizer)
        model.compile(adam, loss=loss, **options)
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert_same(stock.get_weights(), ours.get_weights())
    assert ours.evaluate(x, y, verbose=0) == pytest.approx(
        stock.evaluate(x, y, verbose=0), rel=1e-4
    )


@pytest.mark.parametrize(
    "options", [{"jit_compile": not IS_TORCH}, {"run_eagerly": True}]
)
def test_compiled_and_eager_steps_agree(rng, options):
    # On PyTorch compiling takes minutes; `Regression` above covers it.
    x = tiny_images(rng)
    model, other = tiny_vqvae(), tiny_vqvae()
    other.set_weights(model.get_weights())
    for m in (model, other):
        m.quantizer.seed_generator.state.assign(np.zeros(2))
    expected = weights_after(model, x, epochs=2)
    other.compile(keras.optimizers.Adam(1e-3), **options)
    assert_same(weights_after(other, x, epochs=2), expected)


def test_steps_per_execution(rng):
    x = tiny_images(rng, 48)
    model, other = tiny_vqvae(), tiny_vqvae()
    other.set_weights(model.get_weights())
    other.compile(keras.optimizers.Adam(1e-3), steps_per_execution=4)
    if IS_TORCH:
        with pytest.raises(ValueError, match="must be 1 with the PyTorch"):
            other.fit(x, verbose=0)
        return
    model.quantizer.revival_threshold = other.quantizer.revival_threshold = None
    assert_same(weights_after(other, x), weights_after(model, x))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_without_nan(rng, policy):
    x = tiny_images(rng, 32)
    model = tiny_vqvae(dtype=policy, learning_rate=5e-3)
    history = model.fit(x, batch_size=8, epochs=12, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    assert {w.dtype for w in model.weights} == {"float32"}
    assert model.predict(x, verbose=0).dtype == "float32"
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_gradient_accumulation_equals_the_larger_batch(rng):
    x = tiny_images(rng, 16)
    quantized = {"ema_decay": None, "num_embeddings": 4}
    model, other = tiny_vqvae(**quantized), tiny_vqvae(**quantized)
    other.set_weights(model.get_weights())
    model.compile(keras.optimizers.SGD(0.1))
    other.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    model.fit(x, batch_size=16, shuffle=False, verbose=0)
    other.fit(x, batch_size=8, shuffle=False, verbose=0)
    assert_same(model.get_weights(), other.get_weights(), atol=1e-6)


def test_weight_averaging_survives_a_second_fit(rng):
    x = tiny_images(rng)
    model = tiny_vqvae()
    model.compile(keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.5))
    for _ in range(3):
        model.fit(x, epochs=2, verbose=0)
    # `fit` leaves the average in the weights.
    average = model.optimizer._model_variables_moving_average
    for v, a in zip(model.trainable_variables, average, strict=True):
        np.testing.assert_allclose(to_numpy(v), to_numpy(a))
    model.train_on_batch(x)


def test_train_and_test_on_batch(rng):
    x = tiny_images(rng)
    model = tiny_vqvae()
    before = model.test_on_batch(x, return_dict=True)
    logs = model.train_on_batch(x, return_dict=True)
    assert logs["loss"] == pytest.approx(before["loss"], rel=1e-4)
    assert int(model.optimizer.iterations) == 1


def test_random_draws_continue_after_loading(rng, tmp_path):
    x = tiny_images(rng)
    model = tiny_vqvae()
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    state = to_numpy(model.quantizer.seed_generator.state)
    assert np.any(
        state != to_numpy(tiny_vqvae().quantizer.seed_generator.state)
    )
    np.testing.assert_array_equal(
        to_numpy(loaded.quantizer.seed_generator.state), state
    )


def test_loading_compiles_for_the_backend_that_loads(rng, tmp_path):
    model = tiny_vqvae()
    model.compile("adam", jit_compile=keras.config.backend() != "jax")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.jit_compile == tiny_vqvae().jit_compile


def test_distribution_that_would_do_nothing_is_refused():
    if keras.config.backend() == "jax":
        pytest.skip("keras.distribution works on JAX: see replicas_test.py")
    model = tiny_vqvae()
    distribution = keras.distribution.DataParallel(devices=["cpu:0"])
    try:
        keras.distribution.set_distribution(distribution)
        with pytest.raises(ValueError, match="does nothing on the"):
            model.compile("adam")
        with pytest.raises(ValueError, match="does nothing on the"):
            model.fit(np.zeros((2, 8, 8, 3), "float32"), verbose=0)
    finally:
        keras.distribution.set_distribution(None)


def test_a_model_without_steps_says_what_to_write():
    class Empty(Trainer, keras.Model):
        pass

    with pytest.raises(NotImplementedError, match=r"training_step\(data\)"):
        Empty().training_step(None)
