import math

import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq import zoo
from tests.helpers import gradients
from tests.helpers import tiny_images
from tests.helpers import to_numpy


def tiny_vqvae2(**kwargs):
    """A VQ-VAE-2 with grids of 2 x 2 and 4 x 4 for 8 x 8 images."""
    arguments = {
        "input_shape": (8, 8, 3),
        "num_embeddings": 16,
        "embedding_dim": 4,
        "hidden_dim": 8,
        "num_residual_layers": 1,
        "residual_hidden_dim": 4,
        "downsampling": 2,
    }
    return zoo.vqvae2(**{**arguments, **kwargs})


@pytest.mark.parametrize(
    ("input_shape", "kwargs", "code_shape"),
    [
        ((16, 1), {"num_levels": 3}, ((2,), (4,), (8,))),
        (
            (8, 16, 8, 3),
            {"downsampling": 4, "upsampling": "subpixel"},
            ((1, 2, 1), (2, 4, 2)),
        ),
    ],
)
def test_rank_and_levels_select_the_grids(rng, input_shape, kwargs, code_shape):
    model = tiny_vqvae2(input_shape=input_shape, **kwargs)
    assert model.code_shape == code_shape
    assert model.num_embeddings == (16,) * len(code_shape)
    assert model.code_bits == 4 * sum(math.prod(s) for s in code_shape)
    x = rng.uniform(size=(3, *input_shape)).astype("float32")
    codes = model.encode(x, batch_size=2)
    assert [c.shape for c in codes] == [(3, *s) for s in code_shape]
    assert {c.dtype for c in codes} == {np.dtype("int32")}
    assert model.decode(codes, batch_size=2).shape == x.shape


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_loss_is_the_sum_of_its_parts(rng, ema_decay):
    x = tiny_images(rng)
    model = tiny_vqvae2(
        ema_decay=ema_decay, commitment_cost=0.3, likelihood="laplace"
    )
    logs = model.evaluate(x, batch_size=16, verbose=0, return_dict=True)
    bottom = to_numpy(model.encoders[1](2 * x - 1))
    features = [to_numpy(model.encoders[0](bottom)), bottom]
    codes, commitment, expected = None, 0.0, {}
    for level, quantizer in enumerate(model.quantizers):
        both = above = features[level]
        if level:
            above = to_numpy(model.decoders[0](codes))
            both = np.concatenate([features[1], above], axis=-1)
        z = to_numpy(model.projections[level](both))
        outputs = to_numpy(quantizer(z))
        codes = outputs["quantized"]
        if level:
            codes = np.concatenate([codes, above], axis=-1)
        commitment += np.mean((z - outputs["quantized"]) ** 2)
        share = len(np.unique(outputs["indices"])) / 16
        expected[f"codebook_usage_{level}"] = share
    parameters = model.decoders[1](codes)
    nats = -to_numpy(model.likelihood.log_prob(x, parameters)).mean()
    bits = nats / math.log(2) + 4 * (4 + 16)
    expected |= {
        "reconstruction_loss": nats / x[0].size,
        "commitment_loss": commitment,
        "bits_per_dim": bits / x[0].size + math.log2(255),
        "loss": nats / x[0].size + commitment * (0.3 if ema_decay else 1.3),
    }
    if ema_decay is None:
        expected["codebook_loss"] = commitment
    found = {name: logs[name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-4)
    assert set(logs) - set(expected) == {"perplexity_0", "perplexity_1"}


def test_every_encoder_gets_a_gradient_from_the_reconstruction(rng):
    x = tiny_images(rng, shape=(16, 1))
    model = tiny_vqvae2(input_shape=(16, 1), num_levels=3)
    networks = [*model.encoders, *model.projections, *model.decoders]
    variables = [v for n in networks for v in n.trainable_variables]

    def reconstruction_loss():
        outputs = model.losses_of(model.to_unit_range(x), training=False)[1]
        return outputs["reconstruction_loss"]

    found = gradients(reconstruction_loss, variables)
    for variable, gradient in zip(variables, found, strict=True):
        assert np.any(gradient), variable.path


def test_the_mean_code_stands_in_for_those_left_out(rng):
    model = tiny_vqvae2()
    assert model.code_shape == ((2, 2), (4, 4))
    top, _ = model.encode(tiny_images(rng))
    embeddings = [to_numpy(q.embeddings) for q in model.quantizers]
    above = to_numpy(model.decoders[0](embeddings[0][top]))
    bottom = np.broadcast_to(embeddings[1].mean(axis=0), (16, 4, 4, 4))
    outputs = model.decoders[1](np.concatenate([bottom, above], axis=-1))
    expected = np.clip((to_numpy(outputs) + 1) / 2, 0, 1)
    np.testing.assert_allclose(model.decode((top,)), expected, atol=1e-5)


def test_learns_and_the_top_alone_shows_the_rough_shape(rng):
    x = tiny_images(rng, 64)
    model = tiny_vqvae2(
        hidden_dim=32,
        num_embeddings=64,
        embedding_dim=8,
        learning_rate=5e-3,
        data_variance=float(x.var()),
    )
    before = [to_numpy(q.embeddings) for q in model.quantizers]
    model.fit(x, epochs=40, batch_size=16, verbose=0)
    for old, quantizer in zip(before, model.quantizers, strict=True):
        assert np.any(old != to_numpy(quantizer.embeddings))
    logs = model.evaluate(x, verbose=0, return_dict=True)
    # The mean picture scores 1.
    assert logs["reconstruction_loss"] < 0.3
    top, bottom = model.encode(x)
    whole = model.decode((top, bottom))
    np.testing.assert_allclose(whole, model.predict(x, verbose=0), atol=1e-5)
    alone = model.decode((top,))
    assert alone.shape == x.shape
    assert np.any(alone != whole)
    other = model.decode((np.roll(top, 1, axis=0),))
    assert np.mean((alone - x) ** 2) < np.mean((other - x) ** 2)


def test_saved_and_loaded_it_is_the_same_and_learns_on(rng, tmp_path):
    x = tiny_images(rng)
    # Other sizes at each level: no codebook fits in another's place.
    model = tiny_vqvae2(
        quantizers=[
            layers.VectorQuantizer(8, 3),
            layers.VectorQuantizerEMA(16, 4),
        ]
    )
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for a, b in zip(loaded.encode(x), model.encode(x), strict=True):
        np.testing.assert_array_equal(a, b)
    for m in (model, loaded):
        m.fit(x, shuffle=False, verbose=0)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


def maps(*shapes, value=0):
    return tuple(np.full(shape, value) for shape in shapes)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (
            np.zeros((1, 2, 2), int),
            r"tuple of 1 to 2 maps .*top first.*ndarray",
        ),
        ((), r"\(None, 2, 2\), \(None, 4, 4\). Received: 0 maps"),
        (maps((1, 2, 2), (1, 4, 4), (1, 8, 8)), "Received: 3 maps"),
        (maps((1, 4, 4), (1, 2, 2)), r"indices\[0\] of shape \(None, 2, 2\)"),
        (maps((1, 2, 2), (1, 4, 5)), r"indices\[1\] of shape \(None, 4, 4\)"),
        (maps((1, 2, 2), (1, 4, 4), value=16), r"indices\[0\] from 16 to 16"),
        (maps((1, 2, 2), (1, 4, 4), value=0.5), r"indices\[0\].dtype=float64"),
        (maps((2, 2, 2), (3, 4, 4)), r"Received: \[2, 3\] rows"),
    ],
)
def test_bad_maps_are_named(latents, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae2().decode(latents)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_levels": 1}, "two or more quantizers.*Received: 1 of them"),
        ({"quantizers": layers.VectorQuantizer(8, 4)}, "VectorQuantizer"),
        ({"quantizers": [layers.VectorQuantizer(8, 4)] * 2}, "object twice"),
        ({"num_levels": 4}, r"divide by 16. Received: input_shape=\(8, 8, 3\)"),
        ({"downsampling": 3}, "downsampling=3"),
        ({"hidden_dim": 0}, "hidden_dim=0"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae2(**kwargs)
