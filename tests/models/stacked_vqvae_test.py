import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


def tiny_stacked(first_stage=None, **kwargs):
    """Two codes of 8 for an 8 x 8 image, over 2 x 2 codes of 16."""
    arguments = {
        "num_codes": 2,
        "num_embeddings": 8,
        "embedding_dim": 4,
        "hidden_dim": 8,
        "num_residual_layers": 1,
        "residual_hidden_dim": 4,
    }
    return zoo.stacked_vqvae(
        first_stage or tiny_vqvae(), **{**arguments, **kwargs}
    )


def test_the_paper_setting_has_27_bits(rng):
    first_stage = tiny_vqvae(input_shape=(84, 84, 3), num_embeddings=512)
    model = tiny_stacked(first_stage, num_codes=3, num_embeddings=512)
    assert first_stage.code_shape == (21, 21)
    assert model.decoder.output_shape == (None, 21, 21, 512)
    x = rng.uniform(size=(2, 84, 84, 3)).astype("float32")
    logs = model.fit(x, verbose=0).history
    assert logs["bits"] == [27.0]
    assert logs["reconstruction_loss"][0] == pytest.approx(np.log(512), abs=1)
    assert model.encode(x).shape == (2, 3)
    assert model.encode(x).dtype == "int32"


@pytest.mark.parametrize("input_shape", [(32, 1), (8, 16, 8, 3)])
def test_audio_and_video(rng, input_shape):
    model = tiny_stacked(tiny_vqvae(input_shape=input_shape), downsampling=2)
    x = rng.uniform(size=(2, *input_shape)).astype("float32")
    codes = model.encode(x)
    assert codes.shape == (2, 2)
    assert model.decode(codes).shape == x.shape


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_losses_and_reconstruction_are_those_of_the_parts(rng, ema_decay):
    x = tiny_images(rng, 8)
    model = tiny_stacked(ema_decay=ema_decay, commitment_cost=0.3)
    logs = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    codes = model.first_stage.encode(x)
    z = to_numpy(model.vectors_of(codes))
    quantized = to_numpy(model.quantizer(z)["quantized"])
    logits = to_numpy(model.logits_of(quantized)).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    entropy = -np.take_along_axis(log_p, codes[..., None], axis=-1).mean()
    commitment = np.mean((z - quantized) ** 2)
    found = logits.argmax(axis=-1)
    expected = {
        "reconstruction_loss": entropy,
        "commitment_loss": commitment,
        "loss": entropy + commitment * (0.3 if ema_decay else 1.3),
        "code_accuracy": np.mean(found == codes),
        "bits": 6.0,
    }
    assert {name: logs[name] for name in expected} == pytest.approx(
        expected, rel=1e-4, abs=1e-6
    )
    rest = {"perplexity", "codebook_usage"}
    rest |= {"codebook_loss"} if ema_decay is None else set()
    assert set(logs) - set(expected) == rest
    expected = model.first_stage.decode(found)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(
        model.decode(model.encode(x)), expected, atol=1e-6
    )


def test_the_first_stage_is_frozen_and_the_second_learns(rng):
    pictures = tiny_images(rng, 4)
    x = np.repeat(pictures, 8, axis=0)
    first_stage = tiny_vqvae(num_embeddings=64, learning_rate=5e-3)
    first_stage.fit(x, epochs=2, verbose=0)  # a codebook that moves
    codes = first_stage.encode(pictures)
    assert len(np.unique(codes)) > 2
    before = [to_numpy(v) for v in first_stage.variables]
    model = tiny_stacked(
        first_stage, hidden_dim=32, ema_decay=0.9, learning_rate=1e-2
    )
    start = model.evaluate(x, verbose=0, return_dict=True)
    model.fit(x, epochs=60, batch_size=16, verbose=0)
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["code_accuracy"] > 0.9 > 0.5 > start["code_accuracy"]
    assert after["reconstruction_loss"] < 0.3 * start["reconstruction_loss"]
    for old, variable in zip(before, first_stage.variables, strict=True):
        np.testing.assert_array_equal(old, to_numpy(variable), variable.path)


def test_saved_and_loaded_it_is_the_same_and_learns_on(rng, tmp_path):
    x = tiny_images(rng)
    first_stage = tiny_vqvae()
    first_stage.fit(x, verbose=0)
    model = tiny_stacked(first_stage)
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    for m in (model, loaded):
        m.fit(x, shuffle=False, verbose=0)
    assert len(loaded.weights) == len(model.weights)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


def two_maps():
    quantizers = [layers.VectorQuantizer(8, 4) for _ in range(2)]
    return models.VQVAE2((8, 8, 3), quantizers, hidden_dim=8)


@pytest.mark.parametrize(
    ("make", "kwargs", "message"),
    [
        (
            lambda: models.VAE((8, 8, 3), network="mlp", hidden_dim=8),
            {},
            "one map of codes, .*such as .*VQVAE. Received: a VAE",
        ),
        (two_maps, {}, "Received: a VQVAE2 with 2 maps"),
        (tiny_vqvae, {"num_codes": 0}, "num_codes=0"),
        (tiny_vqvae, {"downsampling": 4}, r"downsampling=4 and .*=\(2, 2\)"),
        (tiny_vqvae, {"downsampling": 0}, "power of two .* or 1. Received"),
    ],
)
def test_bad_arguments_are_named(make, kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_stacked(make(), **kwargs)
