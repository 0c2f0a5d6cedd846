"""Models take any quantizer, by name or as an object."""

import math

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import zoo
from keras_vq.zoo.quantizers import levels_near
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy

NAMES = {
    "vector_quantizer": layers.VectorQuantizer,
    "vector_quantizer_ema": layers.VectorQuantizerEMA,
    "residual_vector_quantizer": layers.ResidualVectorQuantizer,
    "grouped_vector_quantizer": layers.GroupedVectorQuantizer,
    "finite_scalar_quantizer": layers.FiniteScalarQuantizer,
    "lookup_free_quantizer": layers.LookupFreeQuantizer,
    "gumbel_quantizer": layers.GumbelQuantizer,
    "sim_vector_quantizer": layers.SimVectorQuantizer,
    "random_projection_quantizer": layers.RandomProjectionQuantizer,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_quantizer_goes_by_its_name(name):
    model = tiny_vqvae(quantizer=name, num_embeddings=16, embedding_dim=4)
    quantizer = model.quantizer
    assert type(quantizer) is NAMES[name]
    assert model.num_embeddings == quantizer.num_embeddings == 16
    if name not in ("finite_scalar_quantizer",):
        assert quantizer.embedding_dim == 4
    depths = {"residual_vector_quantizer": 4, "grouped_vector_quantizer": 2}
    last = (depths[name],) if name in depths else ()
    assert model.code_shape == (2, 2, *last)
    assert model.code_bits == 16 * math.prod(last)


def test_names_take_the_numbers_beside_them():
    def made(name, **kwargs):
        return tiny_vqvae(quantizer=name, **kwargs).quantizer

    stage = made("residual_vector_quantizer", ema_decay=0.9).quantizer
    assert (type(stage), stage.decay) == (layers.VectorQuantizerEMA, 0.9)
    group = made("grouped_vector_quantizer", ema_decay=None).quantizer
    assert (type(group), group.embedding_dim) == (layers.VectorQuantizer, 2)
    assert made("vector_quantizer", commitment_cost=2.0).commitment_cost == 2.0
    assert made("lookup_free_quantizer", num_embeddings=64).embedding_dim == 6
    levels = zoo.vqvae2(quantizers="finite_scalar_quantizer", hidden_dim=4)
    assert [q.levels for q in levels.quantizers] == [(8, 8, 8)] * 2


@pytest.mark.parametrize("num_embeddings", [2, 16, 512, 1000, 8192, 65_536])
def test_levels_are_near_the_number_of_codes(num_embeddings):
    levels = levels_near(num_embeddings)
    ratio = math.prod(levels) / num_embeddings
    assert 0.85 < ratio < 1.15
    assert num_embeddings < 100 or min(levels) >= 5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"quantizer": "fsq"}, "'finite_scalar_quantizer', .*'fsq'"),
        ({"quantizer": 3}, "quantizer=3"),
        (
            {"quantizer": "grouped_vector_quantizer", "embedding_dim": 5},
            "divisible by the 2 groups.*embedding_dim=5",
        ),
        (
            {"quantizer": "lookup_free_quantizer", "num_embeddings": 12},
            "power of two.*num_embeddings=12",
        ),
    ],
)
def test_bad_names_and_numbers_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae(**kwargs)


@pytest.mark.parametrize(
    "quantizer",
    [
        layers.FiniteScalarQuantizer((5, 3)),
        layers.GumbelQuantizer(
            8, 3, keras.optimizers.schedules.CosineDecay(2.0, 9)
        ),
        layers.GroupedVectorQuantizer(layers.LookupFreeQuantizer(2), 2),
        layers.ProjectedQuantizer(
            layers.VectorQuantizerEMA(
                8, 2, distance="cosine", estimator="rotation"
            ),
            4,
        ),
        layers.SimVectorQuantizer(8, 3),
    ],
    ids=lambda quantizer: quantizer.name,
)
def test_every_part_of_a_model_trains_with_it(rng, quantizer):
    x = tiny_images(rng, 32)
    model = tiny_vqvae(quantizer=quantizer, learning_rate=0.01)
    before = {v.path: to_numpy(v) for v in model.trainable_variables}
    history = model.fit(x, batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    for v in model.trainable_variables:
        assert np.any(before[v.path] != to_numpy(v)), v.path
    codes = ["_0", "_1"] if quantizer.depth > 1 else [""]
    names = {f"{m}{c}" for m in ("perplexity", "codebook_usage") for c in codes}
    names |= {"loss", "reconstruction_loss", *quantizer.loss_names}
    assert set(history) == names
    indices = model.encode(x)
    np.testing.assert_allclose(
        model.decode(indices), model.predict(x, verbose=0), atol=1e-5
    )


def test_codes_that_all_start_as_zeros_learn(rng):
    """Small vectors have the code of zeros, which must not stop gradients."""
    x = tiny_images(rng, 32)
    model = tiny_vqvae(
        quantizer=layers.FiniteScalarQuantizer((4, 4)),
        learning_rate=0.02,
        data_variance=float(x.var()),
    )
    kernel = model.encoder.layers[-1].kernel
    kernel.assign(0.1 * kernel)
    codes = model.quantizer.decode_indices(model.encode(x))
    np.testing.assert_array_equal(to_numpy(codes), 0)
    history = model.fit(x, batch_size=16, epochs=20, verbose=0).history
    assert history["reconstruction_loss"][-1] < 0.85
    assert history["perplexity"][-1] > 4


@pytest.fixture(scope="module")
def residual():
    """Four stages, one codebook, dropped at random; trained a little."""
    keras.utils.set_random_seed(0)
    quantizer = layers.ResidualVectorQuantizer(
        layers.VectorQuantizerEMA(16, 4), 3, shared=True, dropout=0.5
    )
    model = tiny_vqvae(quantizer=quantizer)
    x = tiny_images(np.random.default_rng(0), 32)
    history = model.fit(x, batch_size=16, epochs=3, verbose=0).history
    return model, x, history


def test_codes_of_a_position_are_the_last_axis(residual):
    model, x, _ = residual
    indices = model.encode(x)
    assert indices.shape == (32, 2, 2, 3)
    assert (model.depth, model.code_shape) == (3, (2, 2, 3))
    np.testing.assert_allclose(
        model.decode(indices), model.predict(x, verbose=0), atol=1e-5
    )
    with pytest.raises(ValueError, match=r"\(None, 2, 2, 3\)"):
        model.decode(indices[..., 0])


def test_metrics_are_of_each_stage(residual):
    model, x, history = residual
    logs = model.evaluate(x, return_dict=True, verbose=0)
    indices = model.encode(x)
    for stage in range(3):
        counts = np.bincount(indices[..., stage].ravel(), minlength=16)
        p = counts[counts > 0] / counts.sum()
        np.testing.assert_allclose(
            [logs[f"perplexity_{stage}"], logs[f"codebook_usage_{stage}"]],
            [np.exp(-np.sum(p * np.log(p))), np.mean(counts > 0)],
            rtol=1e-5,
        )
    assert set(history) == set(logs)
    assert "perplexity" not in logs


def test_a_saved_model_has_its_stages(residual, tmp_path):
    model, x, _ = residual
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.variables) == len(model.variables)
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    assert loaded.fingerprint() == model.fingerprint()


def test_priors_learn_and_draw_codes_of_several_stages(residual):
    model, x, _ = residual
    prior = zoo.pixelcnn(model, hidden_dim=4, num_layers=2)
    prior.fit(model.encode(x), verbose=0)
    pictures = LatentGenerator(model, prior).generate(2, seed=0)
    assert pictures.shape == (2, 8, 8, 3)
    assert np.isfinite(to_numpy(pictures)).all()


def test_levels_may_have_several_codes_too(rng):
    quantizers = [
        layers.VectorQuantizerEMA(8, 4),
        layers.ResidualVectorQuantizer(layers.VectorQuantizer(6, 2), 2),
    ]
    model = zoo.vqvae2(
        (8, 8, 3),
        hidden_dim=4,
        num_residual_layers=1,
        residual_hidden_dim=2,
        downsampling=2,
        quantizers=quantizers,
    )
    x = tiny_images(rng, 8)
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert {"perplexity_0", "perplexity_1_0", "perplexity_1_1"} <= set(logs)
    assert model.code_shape == ((2, 2), (4, 4, 2))
    top, bottom = model.encode(x)
    assert model.decode((top,)).shape == x.shape
    np.testing.assert_allclose(
        model.decode((top, bottom)), model.predict(x, verbose=0), atol=1e-5
    )


def test_a_first_stage_with_several_codes_a_position_is_refused():
    first = tiny_vqvae(quantizer="residual_vector_quantizer")
    with pytest.raises(ValueError, match="a VQVAE with 4 codes a position"):
        zoo.stacked_vqvae(first)


def test_pixels_have_no_codebook_to_adapt(rng):
    from keras_vq import models

    with pytest.raises(ValueError, match=r"Pixels .* no codebook"):
        models.Pixels((8, 8, 3)).adapt(rng.uniform(size=(2, 8, 8, 3)))
