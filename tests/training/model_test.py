"""The training step under everything that `compile` and `fit` accept."""

import functools

import keras
import numpy as np
import pytest

from keras_vq import training
from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import to_numpy

IS_TORCH = keras.config.backend() == "torch"


def weights_after(model, x, **kwargs):
    model.fit(x, batch_size=8, shuffle=False, verbose=0, **kwargs)
    return [to_numpy(w) for w in model.weights]


def assert_same(a, b, atol=1e-5):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=atol)


def pair(**kwargs):
    """Two models that start, and draw, alike."""
    model, other = one_layer_vqvae(**kwargs), one_layer_vqvae(**kwargs)
    other.set_weights(model.get_weights())
    if kwargs.get("ema_decay", 0.99):
        state = to_numpy(model.quantizer.seed_generator.state)
        other.quantizer.seed_generator.state.assign(state)
    return model, other


@keras.saving.register_keras_serializable(package="tests")
class Regression(training.Model):
    """A dense layer and its mean squared error, by our step."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3)
        self.dense.build((None, 4))
        self.track("loss")

    def losses_of(self, x, labels, training):
        x, y = x
        return {"loss": keras.ops.mean(keras.ops.square(self.dense(x) - y))}


def regression_data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 4)).astype("float32")
    return x, (x @ rng.normal(size=(4, 3))).astype("float32")


# Adam's options whose effect shows within 12 steps.
OPTIMIZERS = {
    "plain": {},
    "accumulation": {"gradient_accumulation_steps": 2},
    "clipping": {"clipnorm": 0.01},
    "averaging": {"use_ema": True, "ema_overwrite_frequency": 3},
}


@functools.cache
def stock_regression(name):
    """Weights before and after 12 steps of Keras's own `fit`, and the loss."""
    keras.utils.set_random_seed(0)
    x, y = regression_data()
    stock = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    before = stock.get_weights()
    stock.compile(keras.optimizers.Adam(0.05, **OPTIMIZERS[name]), "mse")
    stock.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return before, stock.get_weights(), stock.evaluate(x, y, verbose=0)


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        ({"jit_compile": True}, "plain"),
        ({"jit_compile": False}, "plain"),
        ({"run_eagerly": True}, "plain"),
        ({}, "accumulation"),
        ({}, "clipping"),
        ({}, "averaging"),
    ],
    ids=["jit", "no jit", "eager", *list(OPTIMIZERS)[1:]],
)
def test_equals_the_stock_training_step(options, optimizer):
    before, after, loss = stock_regression(optimizer)
    model = Regression()
    model.dense.set_weights(before)
    adam = keras.optimizers.Adam(0.05, **OPTIMIZERS[optimizer])
    model.compile(adam, **options)
    data = regression_data()
    model.fit(data, batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert_same(model.get_weights(), after)
    assert model.evaluate(data, verbose=0) == pytest.approx(loss, rel=1e-4)


def test_compiled_and_eager_steps_agree(rng):
    x = tiny_images(rng)
    model, other = pair()
    model.compile(keras.optimizers.SGD(0.1))
    other.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    assert_same(weights_after(other, x), weights_after(model, x))


def test_steps_per_execution(rng):
    x = tiny_images(rng, 48)
    model, other = pair()
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
    model = one_layer_vqvae(dtype=policy, learning_rate=5e-3)
    history = model.fit(x, batch_size=8, epochs=12, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    dtypes = {w.dtype for w in model.weights if w.name != "num_updates"}
    assert dtypes == {"float32"}
    assert model.predict(x, verbose=0).dtype == "float32"
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_gradient_accumulation_equals_the_larger_batch(rng):
    x = tiny_images(rng, 16)
    model, other = pair(ema_decay=None, num_embeddings=4)
    model.compile(keras.optimizers.SGD(0.1))
    other.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    model.fit(x, batch_size=16, shuffle=False, verbose=0)
    other.fit(x, batch_size=8, shuffle=False, verbose=0)
    assert_same(model.get_weights(), other.get_weights(), atol=1e-6)


def test_weight_averaging_survives_a_second_fit(rng):
    x = tiny_images(rng)
    model = one_layer_vqvae()
    model.compile(keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.5))
    for _ in range(2):
        model.fit(x, epochs=2, verbose=0)
    # `fit` leaves the average in the weights.
    average = model.optimizer._model_variables_moving_average
    for v, a in zip(model.trainable_variables, average, strict=True):
        np.testing.assert_allclose(to_numpy(v), to_numpy(a))
    model.train_on_batch(x)


def test_batches_train_and_random_draws_continue_after_loading(rng, tmp_path):
    x = tiny_images(rng)
    model = one_layer_vqvae()
    start = to_numpy(model.quantizer.seed_generator.state)
    before = model.test_on_batch(x, return_dict=True)
    logs = model.train_on_batch(x, return_dict=True)
    assert logs["loss"] == pytest.approx(before["loss"], rel=1e-4)
    assert int(model.optimizer.iterations) == 1

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    state = to_numpy(model.quantizer.seed_generator.state)
    assert np.any(state != start)
    np.testing.assert_array_equal(
        to_numpy(loaded.quantizer.seed_generator.state), state
    )


def test_loading_compiles_for_the_backend_that_loads(tmp_path):
    model = one_layer_vqvae()
    model.compile("adam", jit_compile=keras.config.backend() != "jax")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.jit_compile == one_layer_vqvae().jit_compile


def test_a_distribution_is_refused_where_it_has_no_effect():
    model = one_layer_vqvae()
    distribution = keras.distribution.DataParallel(devices=["cpu:0"])
    try:
        keras.distribution.set_distribution(distribution)
        if keras.config.backend() == "jax":
            model.compile("adam")
            return
        with pytest.raises(ValueError, match="has no effect on the"):
            model.compile("adam")
        with pytest.raises(ValueError, match="has no effect on the"):
            model.fit(np.zeros((2, 8, 8, 3), "float32"), verbose=0)
    finally:
        keras.distribution.set_distribution(None)


def test_losses_sample_weights_and_missing_methods_are_reported(rng):
    x = tiny_images(rng)
    model = one_layer_vqvae()
    with pytest.raises(ValueError, match=r"its own loss.*loss='mse'"):
        model.compile("adam", loss="mse")
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(x, x, sample_weight=np.ones(len(x)), verbose=0)
    with pytest.raises(NotImplementedError, match=r"Model .*`losses_of\(x, l"):
        training.Model().evaluation_step(x)


def test_a_batch_counts_by_its_rows_and_training_alone_has_its_losses():
    class Counter(training.Model):
        """Logs the mean of its inputs, and a loss in training."""

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.dense.build((None, 1))
            self.track("loss", "mean", "penalty")

        def losses_of(self, x, labels, training):
            outputs = {"loss": keras.ops.mean(self.dense(x)) ** 2}
            outputs["mean"] = keras.ops.mean(x)
            return outputs | ({"penalty": 3.0} if training else {})

    x = np.array([[1.0], [1.0], [4.0]], "float32")
    model = Counter()
    model.compile("adam")
    history = model.fit(x, batch_size=2, shuffle=False, verbose=0).history
    assert (history["mean"], history["penalty"]) == ([2.0], [3.0])
    logs = model.evaluate(x, batch_size=2, return_dict=True, verbose=0)
    assert set(logs) == {"loss", "mean"}
    assert logs["mean"] == 2.0


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_hdf5_files_are_refused(tmp_path, name):
    model = one_layer_vqvae()
    with pytest.raises(ValueError, match=r"to a \.keras file.*" + name):
        model.save(tmp_path / name)
    assert not (tmp_path / name).exists()
