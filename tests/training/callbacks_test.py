"""Keras's own callbacks that touch the optimizer or the weights."""

import keras
import numpy as np
import pytest

from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import to_numpy


@pytest.fixture
def x(rng):
    return tiny_images(rng, 16)


def fit(model, x, *callbacks, epochs=4, **kwargs):
    return model.fit(
        x,
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=0,
        **kwargs,
    )


def state(model):
    variables = (*model.weights, *model.optimizer.variables)
    return [to_numpy(v) for v in variables]


def test_learning_rate_callbacks(x):
    model = one_layer_vqvae(learning_rate=1e-3)
    plateau = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=0, min_delta=1e9
    )
    fit(model, x, plateau)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3 / 8)
    schedule = keras.callbacks.LearningRateScheduler(lambda e: 0.1 / (e + 1))
    fit(model, x, schedule)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1 / 4)


def test_early_stopping_restores_the_best_weights(x):
    model = one_layer_vqvae(learning_rate=1e-3)
    kept = []

    class Diverge(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                kept.extend(to_numpy(w) for w in model.weights)
                model.optimizer.learning_rate = 10.0

    stop = keras.callbacks.EarlyStopping(
        patience=2, restore_best_weights=True, monitor="val_loss"
    )
    history = fit(model, x, stop, Diverge(), epochs=20, validation_data=x)
    assert len(history.epoch) == 4
    for w, best in zip(model.weights, kept, strict=True):
        np.testing.assert_array_equal(to_numpy(w), best)


def test_model_checkpoint(x, tmp_path):
    model = one_layer_vqvae()
    checkpoint = keras.callbacks.ModelCheckpoint
    fit(
        model,
        x,
        checkpoint(tmp_path / "last.keras"),
        checkpoint(tmp_path / "last.weights.h5", save_weights_only=True),
        epochs=2,
    )
    other = one_layer_vqvae()
    other.load_weights(tmp_path / "last.weights.h5")
    for restored in (keras.models.load_model(tmp_path / "last.keras"), other):
        for a, b in zip(state(restored), state(model), strict=True):
            np.testing.assert_array_equal(a, b)


def test_backup_and_restore_ends_where_an_uninterrupted_run_ends(x, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    expected = one_layer_vqvae()
    initial = expected.get_weights()
    seed = to_numpy(expected.quantizer.seed_generator.state)

    def fresh():
        model = one_layer_vqvae()
        model.set_weights(initial)
        model.quantizer.seed_generator.state.assign(seed)
        return model

    fit(expected, x)
    backup = keras.callbacks.BackupAndRestore(
        tmp_path / "backup", delete_checkpoint=False
    )
    with pytest.raises(KeyboardInterrupt):
        fit(fresh(), x, backup, Stop())
    resumed = fresh()
    history = fit(resumed, x, backup)
    assert history.epoch in ([1, 2, 3], [2, 3])
    if history.epoch == [2, 3]:
        for a, b in zip(state(resumed), state(expected), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_tensorboard_csv_logger_and_swap_ema_weights(x, tmp_path):
    model = one_layer_vqvae()
    model.compile(keras.optimizers.Adam(1e-2, use_ema=True))
    for _ in range(2):
        fit(
            model,
            x,
            keras.callbacks.TensorBoard(tmp_path / "logs", write_graph=False),
            keras.callbacks.CSVLogger(tmp_path / "metrics.csv"),
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            validation_data=x,
            epochs=2,
        )
    assert list((tmp_path / "logs" / "train").glob("events*"))
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(lines) == 3
    assert "val_perplexity" in lines[0]


def test_terminate_on_nan(x):
    model = one_layer_vqvae()
    model.decoder.layers[-1].bias.assign([np.nan] * 3)
    history = fit(model, x, keras.callbacks.TerminateOnNaN(), epochs=3)
    assert len(history.epoch) == 1
