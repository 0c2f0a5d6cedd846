import json

import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq import zoo
from tests.helpers import gradients
from tests.helpers import one_layer_vqvae
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.mark.parametrize(
    ("input_shape", "code_shape", "upsampling"),
    [
        ((32, 1), (8,), "transposed"),
        ((16, 8, 3), (4, 2), "subpixel"),
        ((8, 16, 8, 3), (2, 4, 2), "transposed"),
    ],
)
def test_rank_selects_the_convolutions(
    rng, input_shape, code_shape, upsampling
):
    model = tiny_vqvae(input_shape=input_shape, upsampling=upsampling)
    assert model.code_shape == code_shape
    x = rng.uniform(size=(4, *input_shape)).astype("float32")
    model.train_on_batch(x)
    assert model.predict(x, verbose=0).shape == x.shape


def test_sizes_are_those_of_the_paper():
    model = zoo.vqvae((32, 32, 3), ema_decay=None)
    assert model.count_params() == 695_492  # with the scale of latents
    assert model.encoder.output_shape == (None, 8, 8, 64)
    model = tiny_vqvae(input_shape=(16, 16, 3), downsampling=8)
    assert model.code_shape == (2, 2)
    assert model.decoder.output_shape == (None, 16, 16, 3)


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_logs_equal_what_the_parts_compute(rng, ema_decay):
    x = tiny_images(rng, 20)
    x[16:] = 0.0  # a batch of 4, unlike those of 8, weighs less
    model = one_layer_vqvae(
        ema_decay=ema_decay, commitment_cost=0.3, data_variance=0.2
    )
    model.compile("adam", metrics=["mae"])
    logs = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)

    def parts(x):
        z = model.encoder(x)
        outputs = model.quantizer(z)
        decoded = model.decoder(outputs["quantized"])
        return {**outputs, "z": z, "decoded": decoded}

    found = run(parts, 2 * x - 1, variables=model.variables)
    raw = (found["decoded"] + 1) / 2
    reconstruction = np.mean((x - raw) ** 2) / 0.2
    commitment = np.mean((found["z"] - found["quantized"]) ** 2)
    counts = np.bincount(found["indices"].ravel(), minlength=16)
    p = counts[counts > 0] / counts.sum()
    expected = {
        "reconstruction_loss": reconstruction,
        "commitment_loss": commitment,
        "loss": reconstruction + (0.3 if ema_decay else 1.3) * commitment,
        "codebook_usage": np.mean(counts > 0),
        "perplexity": np.exp(-np.sum(p * np.log(p))),
        "mae": np.mean(np.abs(x - raw)),
    }
    if ema_decay is None:
        expected["codebook_loss"] = commitment
    assert logs == pytest.approx(expected, rel=1e-4)
    values = model.evaluate(x, batch_size=8, verbose=0)
    assert len(values) == len(logs)
    assert values[0] == logs["loss"]

    history = model.fit(
        x,
        batch_size=20,
        validation_data=x,
        validation_batch_size=8,
        verbose=0,
    ).history
    assert set(history) == {*logs, *(f"val_{name}" for name in logs)}
    assert history["loss"][0] == pytest.approx(logs["loss"], rel=1e-4)
    assert np.isfinite(list(history.values())).all()


def test_every_weight_gets_a_gradient(rng):
    x = keras.ops.convert_to_tensor(tiny_images(rng))
    model = tiny_vqvae(ema_decay=None)
    variables = model.trainable_variables
    found = gradients(
        lambda: model.losses_of(x, None, training=False)["loss"], variables
    )
    for variable, gradient in zip(variables, found, strict=True):
        assert np.any(gradient), variable.path


def test_a_quantizer_takes_the_place_of_the_default(rng):
    quantizer = layers.VectorQuantizerEMA(7, 3, decay=0.5)
    model = tiny_vqvae(quantizer=quantizer)
    assert model.quantizer is quantizer
    assert model.num_embeddings == 7
    assert model.encoder.output_shape == (None, 2, 2, 3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"downsampling": 3}, "power of two, at least 1, .* Received: .*=3"),
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
def test_bad_arguments_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae(**kwargs)


def test_it_learns_and_a_loaded_model_continues(rng, tmp_path):
    x = tiny_images(rng, 32)
    model = tiny_vqvae(
        hidden_dim=16,
        num_embeddings=64,
        embedding_dim=8,
        ema_decay=0.9,
        learning_rate=5e-3,
        data_variance=float(x.var()),
    )
    model.fit(np.tile(x, (10, 1, 1, 1)), batch_size=16, epochs=3, verbose=0)
    logs = model.evaluate(x, verbose=0, return_dict=True)
    # The mean picture scores 1.
    assert logs["reconstruction_loss"] < 0.6
    assert logs["perplexity"] > 8

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert len(loaded.variables) == len(model.variables)
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0)
    )
    for m in (model, loaded):
        m.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)
