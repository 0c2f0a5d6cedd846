import json

import keras
import numpy as np
import pytest

from keras_vq import models
from keras_vq import zoo
from tests.helpers import one_layer_vqvae
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


def tiny_stacked(first_stage, **kwargs):
    """Two codes of 8 for an 8 x 8 image, over 2 x 2 codes of 16."""
    arguments = {
        "num_codes": 2,
        "num_embeddings": 8,
        "embedding_dim": 4,
        "hidden_dim": 8,
        "num_residual_layers": 1,
        "residual_hidden_dim": 4,
    }
    return zoo.stacked_vqvae(first_stage, **{**arguments, **kwargs})


def test_the_setting_of_the_paper_has_27_bits(rng):
    first_stage = tiny_vqvae(input_shape=(84, 84, 3), num_embeddings=512)
    model = tiny_stacked(first_stage, num_codes=3, num_embeddings=512)
    assert first_stage.code_shape == (21, 21)
    assert model.decoder.output_shape == (None, 21, 21, 512)
    assert (model.code_shape, model.latent_dtype) == ((3,), "int32")
    x = rng.uniform(size=(2, 84, 84, 3)).astype("float32")
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert logs["bits"] == 27.0
    assert logs["reconstruction_loss"] == pytest.approx(np.log(512), abs=1)


def test_each_code_may_have_a_codebook_of_its_own(rng):
    model = tiny_stacked(one_layer_vqvae(), separate_codebooks=True)
    assert (model.code_shape, model.code_bits) == ((1, 2), 6.0)
    books = {w.path for w in model.quantizer.weights if w.name == "embeddings"}
    assert len(books) == 2
    assert model.encode(tiny_images(rng, 4)).shape == (4, 1, 2)


@pytest.mark.parametrize("input_shape", [(32, 1), (8, 16, 8, 3)])
def test_audio_and_video(input_shape):
    model = tiny_stacked(tiny_vqvae(input_shape=input_shape), downsampling=2)
    assert model.code_shape == (2,)
    symbolic = model(keras.KerasTensor((2, *input_shape)))
    assert symbolic.shape == (2, *input_shape)


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_losses_and_reconstruction_are_those_of_the_parts(rng, ema_decay):
    x = tiny_images(rng, 8)
    model = tiny_stacked(
        one_layer_vqvae(), ema_decay=ema_decay, commitment_cost=0.3
    )
    logs = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)

    def parts(x):
        codes = model.first_stage.encode_step(x)
        z = model.encoder(codes)
        quantized = model.quantizer(z)["quantized"]
        return codes, z, quantized, model.decoder(quantized)

    codes, z, quantized, logits = run(parts, x, variables=model.variables)
    logits = logits.astype("float64")
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
    np.testing.assert_allclose(
        model.predict(x, verbose=0), model.first_stage.decode(found), atol=1e-6
    )


def test_an_autoregressive_decoder_sees_the_codes_before(rng, tmp_path):
    x = tiny_images(rng, 3)
    model = tiny_stacked(one_layer_vqvae(), autoregressive_decoder=True)
    perturbed(model.code_prior)

    def parts(x):
        indices = model.encode_step(x)
        logits = model.decoder(model.quantizer.decode_indices(indices))
        return model.first_stage.encode_step(x), logits

    codes, condition = run(parts, x, variables=model.variables)
    drawn = np.zeros_like(codes)
    for place in np.ndindex(*codes.shape[1:]):
        at = (slice(None), *place)
        logits = to_numpy(model.code_prior((drawn, condition)))
        drawn[at] = logits[at].argmax(axis=-1)
    expected = model.first_stage.decode(drawn)
    np.testing.assert_allclose(
        model.decode(model.encode(x)), expected, atol=1e-5
    )
    logits = to_numpy(model.code_prior((codes, condition))).astype("float64")
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    entropy = -np.take_along_axis(log_p, codes[..., None], axis=-1).mean()
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert logs["reconstruction_loss"] == pytest.approx(entropy, rel=1e-4)

    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.decode(loaded.encode(x)),
        model.decode(model.encode(x)),
        atol=1e-6,
    )
    first_stage = tiny_vqvae(num_embeddings=9)
    other = tiny_stacked(first_stage, autoregressive_decoder=True)
    parts = (model.first_stage, model.encoder, model.quantizer, model.decoder)
    with pytest.raises(ValueError, match=r"=16, .*Received: .*=9, a cond"):
        models.StackedVQVAE(*parts, other.code_prior)


def test_the_second_stage_learns_above_a_frozen_first(rng, tmp_path):
    pictures = tiny_images(rng, 4)
    x = np.repeat(pictures, 8, axis=0)
    first_stage = one_layer_vqvae(num_embeddings=64, learning_rate=5e-3)
    first_stage.fit(x, epochs=2, verbose=0)  # a codebook that moves
    codes = first_stage.encode(pictures)
    assert len(np.unique(codes)) > 2
    before = [to_numpy(v) for v in first_stage.variables]
    model = tiny_stacked(
        first_stage, hidden_dim=32, ema_decay=0.9, learning_rate=1e-2
    )
    start = model.evaluate(x, verbose=0, return_dict=True)
    model.fit(np.tile(x, (12, 1, 1, 1)), batch_size=16, epochs=5, verbose=0)
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["code_accuracy"] > 0.9 > 0.5 > start["code_accuracy"]
    assert after["reconstruction_loss"] < 0.3 * start["reconstruction_loss"]

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    for m in (model, loaded):
        m.fit(x, batch_size=16, shuffle=False, verbose=0)
    assert len(loaded.weights) == len(model.weights)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)
    for m in (model, loaded):
        variables = m.first_stage.variables
        for old, variable in zip(before, variables, strict=True):
            np.testing.assert_array_equal(
                old, to_numpy(variable), variable.path
            )


@pytest.mark.parametrize(
    ("make", "kwargs", "message"),
    [
        (
            lambda: zoo.vae((8, 8, 3), network="mlp", hidden_dim=8),
            {},
            "one map of codes, .*such as .*VQVAE. Received: a VAE",
        ),
        (
            lambda: zoo.vqvae2((8, 8, 3), hidden_dim=8, downsampling=2),
            {},
            "Received: a VQVAE2 with 2 maps",
        ),
        (one_layer_vqvae, {"num_codes": 0}, "num_codes=0"),
        (one_layer_vqvae, {"downsampling": 4}, r"downsampling=4 .*\(2, 2\)"),
        (one_layer_vqvae, {"downsampling": 0}, "1 or a power of two .*=0"),
    ],
)
def test_bad_arguments_are_reported(make, kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_stacked(make(), **kwargs)
