import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq import models
from tests.helpers import gradients
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.mark.parametrize(
    ("input_shape", "code_shape"),
    [((32, 1), (8,)), ((16, 8, 3), (4, 2)), ((8, 16, 8, 3), (2, 4, 2))],
)
@pytest.mark.parametrize("upsampling", ["transposed", "subpixel"])
def test_rank_selects_the_convolutions(
    rng, input_shape, code_shape, upsampling
):
    model = tiny_vqvae(input_shape=input_shape, upsampling=upsampling)
    assert model.code_shape == code_shape
    x = rng.uniform(size=(4, *input_shape)).astype("float32")
    model.fit(x, verbose=0)
    assert model.predict(x, verbose=0).shape == x.shape
    assert model.encode(x).shape == (4, *code_shape)


def test_audio_has_the_range_minus_one_to_one():
    model = tiny_vqvae(input_shape=(16, 1))
    model.encode(np.full((1, 16, 1), -1.0, "float32"))
    with pytest.raises(ValueError, match=r"in \[-1, 1\]"):
        model.encode(np.full((1, 16, 1), -1.5, "float32"))


def test_parameter_count_is_that_of_the_paper_setting():
    model = models.VQVAE((32, 32, 3), layers.VectorQuantizer(512, 64))
    assert model.count_params() == 695_491
    assert model.encoder.output_shape == (None, 8, 8, 64)


@pytest.mark.parametrize("downsampling", [2, 4, 8])
def test_downsampling_is_the_ratio_of_sizes(downsampling):
    model = tiny_vqvae(input_shape=(16, 16, 3), downsampling=downsampling)
    assert model.code_shape == (16 // downsampling,) * 2
    assert model.decoder.output_shape == (None, 16, 16, 3)


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_logs_of_fit_and_their_validation_twins(rng, ema_decay):
    x = tiny_images(rng)
    model = tiny_vqvae(ema_decay=ema_decay)
    history = model.fit(x, validation_data=x, verbose=0).history
    names = {
        "loss",
        "reconstruction_loss",
        "commitment_loss",
        "perplexity",
        "codebook_usage",
    } | ({"codebook_loss"} if ema_decay is None else set())
    assert set(history) == names | {f"val_{name}" for name in names}
    assert all(np.isfinite(v[0]) for v in history.values())


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_loss_is_the_sum_of_its_parts(rng, ema_decay):
    x = tiny_images(rng, 20)
    model = tiny_vqvae(
        ema_decay=ema_decay, commitment_cost=0.3, data_variance=0.2
    )
    logs = model.evaluate(x, verbose=0, return_dict=True, batch_size=8)
    z = model.encoder(2 * x - 1)
    outputs = to_numpy(model.quantizer(z))
    raw = (to_numpy(model.decoder(outputs["quantized"])) + 1) / 2
    reconstruction = np.mean((x - raw) ** 2) / 0.2
    commitment = np.mean((to_numpy(z) - outputs["quantized"]) ** 2)
    factor = 0.3 if ema_decay else 1.3
    expected = {
        "reconstruction_loss": reconstruction,
        "commitment_loss": commitment,
        "loss": reconstruction + factor * commitment,
        "codebook_usage": len(np.unique(outputs["indices"])) / 16,
    }
    found = {name: logs[name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-4)


def test_epoch_averages_weigh_examples_not_batches(rng):
    x = tiny_images(rng, 9)
    x[8:] = 0.0  # the one example of the last batch is unlike the others
    model = tiny_vqvae()
    whole = model.evaluate(x, batch_size=9, verbose=0, return_dict=True)
    parts = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    assert parts == pytest.approx(whole, rel=1e-4)


def test_same_loss_in_training_and_evaluation(rng):
    x = tiny_images(rng)
    model = tiny_vqvae()
    before = model.evaluate(x, batch_size=16, verbose=0, return_dict=True)
    history = model.fit(x, batch_size=16, verbose=0).history
    assert history["loss"][0] == pytest.approx(before["loss"], rel=1e-4)


def test_every_weight_gets_a_gradient(rng):
    x = tiny_images(rng)
    model = tiny_vqvae(ema_decay=None)
    found = gradients(
        lambda: model.losses_of(model.to_unit_range(x), training=False)[0],
        model.trainable_variables,
    )
    for variable, gradient in zip(
        model.trainable_variables, found, strict=True
    ):
        assert np.any(gradient), variable.path


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_learns_smooth_pictures(rng, ema_decay):
    x = tiny_images(rng, 64)
    model = tiny_vqvae(
        hidden_dim=32,
        num_embeddings=64,
        embedding_dim=8,
        ema_decay=ema_decay,
        learning_rate=5e-3,
        data_variance=float(x.var()),
    )
    model.fit(x, epochs=60, batch_size=16, verbose=0)
    logs = model.evaluate(x, verbose=0, return_dict=True)
    # The mean picture scores 1; 64 codes cannot hold more than most of it.
    assert logs["reconstruction_loss"] < 0.6
    assert logs["perplexity"] > 8


def test_custom_quantizer_takes_the_place_of_the_default(rng):
    quantizer = layers.VectorQuantizerEMA(7, 3, decay=0.5)
    model = tiny_vqvae(quantizer=quantizer)
    assert model.num_embeddings == 7
    assert model.encode(tiny_images(rng)).max() < 7


def test_compiled_metrics_compare_input_and_output(rng):
    x = tiny_images(rng)
    model = tiny_vqvae()
    model.compile("adam", metrics=["mae"])
    logs = model.evaluate(x, verbose=0, return_dict=True)
    error = np.mean(np.abs(model.predict(x, verbose=0) - x))
    assert logs["mae"] == pytest.approx(error, rel=0.05)
    assert "mae" in model.fit(x, verbose=0).history


def test_loss_argument_of_compile_is_refused():
    with pytest.raises(ValueError, match="computes its own loss"):
        tiny_vqvae().compile("adam", loss="mse")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"downsampling": 3}, "power of two, at least 2. Received: .*=3"),
        ({"downsampling": 1}, "power of two, at least 2. Received: .*=1"),
        ({"downsampling": 16}, r"=16 and input_shape=\(8, 8, 3\)"),
        ({"input_shape": (8, 10, 3)}, r"input_shape=\(8, 10, 3\)"),
        ({"input_shape": (8,)}, r"Received: input_shape=\(8,\)"),
        ({"input_shape": (8, 0, 3)}, r"Received: input_shape=\(8, 0, 3\)"),
        ({"hidden_dim": 0}, "hidden_dim=0"),
        ({"residual_hidden_dim": -1}, "residual_hidden_dim=-1"),
        ({"num_residual_layers": -1}, "num_residual_layers=-1"),
        ({"data_variance": 0.0}, "data_variance=0.0"),
        ({"num_embeddings": 1}, "num_embeddings=1"),
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"upsampling": "cubic"}, "upsampling='cubic'"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae(**kwargs)


def test_saved_and_loaded_it_is_the_same_and_learns_on(rng, tmp_path):
    x = tiny_images(rng)
    model = tiny_vqvae(data_variance=0.1)
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert len(loaded.variables) == len(model.variables)
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0)
    )
    for m in (model, loaded):
        m.fit(x, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)
