"""First stages with every quantizer, and with several codes per position."""

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


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
    model = one_layer_vqvae(
        embedding_dim=quantizer.embedding_dim,
        quantizer=quantizer,
        learning_rate=0.01,
    )
    before = {v.path: to_numpy(v) for v in model.trainable_variables}
    history = model.fit(x, batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    for v in model.trainable_variables:
        assert np.any(before[v.path] != to_numpy(v)), v.path
    codes = ["_0", "_1"] if quantizer.codes_per_position > 1 else [""]
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
    """A model with three stages, one shared codebook and dropout."""
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
    assert (model.codes_per_position, model.code_shape) == (3, (2, 2, 3))
    np.testing.assert_allclose(
        model.decode(indices), model.predict(x, verbose=0), atol=1e-5
    )
    with pytest.raises(ValueError, match=r"\(None, 2, 2, 3\)"):
        model.decode(indices[..., 0])


def test_each_stage_has_its_metrics(residual):
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
    images = LatentGenerator(model, prior).generate(2, seed=0)
    assert images.shape == (2, 8, 8, 3)
    assert np.isfinite(to_numpy(images)).all()


def test_a_level_can_have_several_codes_per_position(rng):
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


def test_a_first_stage_with_several_codes_per_position_is_rejected():
    first = tiny_vqvae(quantizer="residual_vector_quantizer")
    with pytest.raises(ValueError, match="a VQVAE with 4 codes per position"):
        zoo.stacked_vqvae(first)


def test_pixels_have_no_codebook_to_adapt(rng):
    with pytest.raises(ValueError, match=r"Pixels .* no codebook"):
        models.Pixels((8, 8, 3)).adapt(rng.uniform(size=(2, 8, 8, 3)))
