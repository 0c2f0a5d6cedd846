import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import layers
from keras_vq import zoo
from tests.helpers import gradients
from tests.helpers import run
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
    codes = model.encode(x, batch_size=3)
    assert [c.shape for c in codes] == [(3, *s) for s in code_shape]
    assert {c.dtype for c in codes} == {np.dtype("int32")}
    assert model.decode(codes, batch_size=3).shape == x.shape


@pytest.mark.parametrize("ema_decay", [0.99, None])
def test_loss_is_the_sum_of_its_parts(rng, ema_decay):
    x = tiny_images(rng)
    model = tiny_vqvae2(
        ema_decay=ema_decay, commitment_cost=0.3, likelihood="laplace"
    )
    logs = model.evaluate(x, batch_size=16, verbose=0, return_dict=True)

    def parts(x):
        bottom = model.encoders[1](2 * x - 1)
        top = model.encoders[0](bottom)
        z = [model.projections[0](top)]
        outputs = [model.quantizers[0](z[0])]
        above = model.decoders[0](outputs[0]["quantized"])
        z.append(model.projections[1](ops.concatenate([bottom, above], -1)))
        outputs.append(model.quantizers[1](z[1]))
        codes = ops.concatenate([outputs[1]["quantized"], above], -1)
        log_prob = model.likelihood.log_prob(x, model.decoders[1](codes))
        return z, outputs, log_prob

    z, outputs, log_prob = run(parts, x, variables=model.variables)
    commitment, expected = 0.0, {}
    for level in range(2):
        quantized = outputs[level]["quantized"]
        commitment += np.mean((z[level] - quantized) ** 2)
        share = len(np.unique(outputs[level]["indices"])) / 16
        expected[f"codebook_usage_{level}"] = share
    nats = -log_prob.mean()
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


def test_every_part_gets_a_gradient_from_the_reconstruction(rng):
    x = ops.convert_to_tensor(tiny_images(rng, shape=(16, 1)))
    model = tiny_vqvae2(input_shape=(16, 1), num_levels=3)
    parts = [*model.encoders, *model.projections, *model.decoders]
    variables = [v for part in parts for v in part.trainable_variables]

    def reconstruction_loss():
        outputs = model.losses_of(x, None, training=False)
        return outputs["reconstruction_loss"]

    found = gradients(reconstruction_loss, variables)
    for variable, gradient in zip(variables, found, strict=True):
        assert np.any(gradient), variable.path


def test_the_mean_code_replaces_missing_levels(rng):
    model = tiny_vqvae2()
    assert model.code_shape == ((2, 2), (4, 4))
    top = rng.integers(16, size=(16, 2, 2), dtype="int32")
    embeddings = [to_numpy(q.embeddings) for q in model.quantizers]
    bottom = np.broadcast_to(embeddings[1].mean(axis=0), (16, 4, 4, 4))

    def decode(top, bottom):
        above = model.decoders[0](top)
        return model.decoders[1](ops.concatenate([bottom, above], -1))

    outputs = run(decode, embeddings[0][top], bottom, variables=model.variables)
    expected = np.clip((outputs + 1) / 2, 0, 1)
    np.testing.assert_allclose(model.decode((top,)), expected, atol=1e-5)


def test_it_learns_and_a_loaded_model_continues(rng, tmp_path):
    x = tiny_images(rng, 32)
    # Other sizes at each level: no codebook fits in another's place.
    model = tiny_vqvae2(
        quantizers=[
            layers.VectorQuantizer(32, 6),
            layers.VectorQuantizerEMA(64, 8, decay=0.9),
        ],
        hidden_dim=16,
        learning_rate=5e-3,
        data_variance=float(x.var()),
    )
    before = [to_numpy(q.embeddings) for q in model.quantizers]
    model.fit(np.tile(x, (10, 1, 1, 1)), batch_size=16, epochs=4, verbose=0)
    for old, quantizer in zip(before, model.quantizers, strict=True):
        assert np.any(old != to_numpy(quantizer.embeddings))
    logs = model.evaluate(x, verbose=0, return_dict=True)
    # The mean picture scores 1.
    assert logs["reconstruction_loss"] < 0.3
    top, bottom = model.encode(x)
    whole = model.decode((top, bottom))
    np.testing.assert_allclose(whole, model.predict(x, verbose=0), atol=1e-5)
    # The top alone shows the rough shape.
    alone = model.decode((top,))
    assert alone.shape == x.shape
    assert np.any(alone != whole)
    other = model.decode((np.roll(top, 1, axis=0),))
    assert np.mean((alone - x) ** 2) < np.mean((other - x) ** 2)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    for a, b in zip(loaded.encode(x), (top, bottom), strict=True):
        np.testing.assert_array_equal(a, b)
    for m in (model, loaded):
        m.fit(x, batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


@pytest.fixture(scope="module")
def untrained():
    return tiny_vqvae2()


def maps(*shapes, value=0):
    return tuple(np.full(shape, value) for shape in shapes)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (
            np.zeros((1, 2, 2), int),
            r"tuple of 1 to 2 maps .*coarsest first.*ndarray",
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
def test_bad_maps_are_reported(untrained, latents, message):
    with pytest.raises(ValueError, match=message):
        untrained.decode(latents)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_levels": 1}, "list of two or more.*Received: 1 of them"),
        ({"quantizers": layers.VectorQuantizer(8, 4)}, "VectorQuantizer"),
        ({"quantizers": [layers.VectorQuantizer(8, 4)] * 2}, "object twice"),
        (
            {"num_levels": 4},
            r"multiples of \(16, 16\). Received: .*\(8, 8, 3\)",
        ),
        ({"downsampling": 3}, "downsampling=3"),
        ({"hidden_dim": 0}, "hidden_dim=0"),
    ],
)
def test_bad_arguments_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae2(**kwargs)
