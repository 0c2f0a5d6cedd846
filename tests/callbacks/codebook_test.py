"""The codebook monitor, the plots of codes, and `remap_unused_codes`."""

import warnings

import keras
import numpy as np
import pytest

from keras_vq import callbacks
from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from keras_vq.callbacks.code_projection import codes_of
from keras_vq.callbacks.codebook_plots import code_projection
from keras_vq.callbacks.codebook_plots import codebook_usage
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


def collapsed(quantizer):
    """Move all codes but four away from every vector."""
    codes = to_numpy(quantizer.embeddings)
    codes[4:] = 1
    quantizer.embeddings.assign(codes)


@pytest.fixture(scope="module")
def model():
    """A model with a collapsed codebook, and one epoch of counts."""
    quantizer = layers.VectorQuantizer(16, 4)
    model = tiny_vqvae(quantizer=quantizer)
    collapsed(quantizer)
    model.evaluate(images(), verbose=0)
    return model


def images():
    return tiny_images(np.random.default_rng(1))


def test_monitor_warns_once_with_advice(model):
    monitor = callbacks.CodebookMonitor(min_usage=0.5)
    monitor.set_model(model)
    monitor.on_epoch_end(0)
    monitor.on_epoch_end(0, {"codebook_usage": 0.5})
    with pytest.warns(
        UserWarning,
        match="Epoch 3: codebook_usage is 0.25, 4 of"
        r" 16 codes .* `adapt`.*revival_threshold",
    ):
        monitor.on_epoch_end(2, {"codebook_usage": 0.25})
    monitor.on_epoch_end(3, {"codebook_usage": 0.25})


def test_monitor_sees_usage_in_fit(model):
    model.compile("sgd")
    monitor = callbacks.CodebookMonitor(min_usage=0.5)
    with pytest.warns(UserWarning, match=r"codebook_usage is 0\.\d+, \d of 16"):
        model.fit(images(), epochs=2, verbose=0, callbacks=[monitor])


def test_monitor_stops_at_nan_and_names_epoch_and_layer():
    quantizer = layers.VectorQuantizer(16, 4, name="codes")
    model = tiny_vqvae(quantizer=quantizer)

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                codes = to_numpy(quantizer.embeddings)
                codes[:3, 1] = np.nan
                quantizer.embeddings.assign(codes)

    monitor = callbacks.CodebookMonitor(min_usage=0.0)
    match = r"after epoch 2: .*`codes` are not finite, \d+ of `embeddings`"
    with pytest.warns(UserWarning, match=match):
        history = model.fit(
            images(), epochs=4, verbose=0, callbacks=[Spoil(), monitor]
        )
    assert history.epoch == [0, 1]


def test_monitor_checks_weights_other_than_a_frozen_codebook():
    quantizer = layers.SimVectorQuantizer(16, 4, name="codes")
    model = tiny_vqvae(quantizer=quantizer)
    quantizer.kernel.assign(np.full((4, 4), np.nan))
    monitor = callbacks.CodebookMonitor(min_usage=0.0)
    with pytest.warns(UserWarning, match="`codes` .*, 16 of `kernel`"):
        model.fit(images(), epochs=2, verbose=0, callbacks=[monitor])


def test_monitor_warns_once_of_a_composed_quantizer():
    quantizer = layers.ProjectedQuantizer(layers.VectorQuantizer(16, 2), 4)
    model = tiny_vqvae(quantizer=quantizer)
    quantizer.quantizer.embeddings.assign(np.full((16, 2), np.nan))
    monitor = callbacks.CodebookMonitor(min_usage=0.0)
    monitor.set_model(model)
    with pytest.warns(UserWarning, match="32 of `embeddings`") as found:
        monitor.on_epoch_end(0, {})
    assert sum("Training stops" in str(w.message) for w in found) == 1
    assert model.stop_training


def test_nan_outputs_are_not_plotted(tmp_path):
    model = tiny_vqvae()
    plane = callbacks.CodeProjection(np.full((2, 8, 8, 3), 0.5), tmp_path)
    plane.set_model(model)
    kernel = model.encoder.layers[-1].kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    plane.on_epoch_end(0)
    assert not list(tmp_path.iterdir())


def test_monitor_ignores_models_without_codes():
    monitor = callbacks.CodebookMonitor()
    monitor.set_model(keras.Sequential([keras.Input((2,))]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match=r"in \[0, 1\].*min_usage=2"):
        callbacks.CodebookMonitor(min_usage=2)


@pytest.mark.parametrize("x", [None, images()])
def test_smaller_model_is_equal(model, x):
    before = [to_numpy(v) for v in model.variables]
    model.evaluate(images(), verbose=0)
    smaller = models.remap_unused_codes(model, x)
    codes, new_codes = model.encode(images()), smaller.encode(images())
    used = np.unique(codes)
    assert smaller.num_embeddings == len(used) < 16
    np.testing.assert_array_equal(used[new_codes], codes)
    np.testing.assert_array_equal(
        smaller.decode(new_codes), model.decode(codes)
    )
    for v, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(to_numpy(v), old)


def test_smaller_model_of_several_codebooks_and_with_averages():
    quantizers = [layers.VectorQuantizerEMA(k, 4) for k in (8, 16)]
    model = zoo.vqvae2(
        (8, 8, 3),
        hidden_dim=4,
        num_residual_layers=1,
        residual_hidden_dim=2,
        downsampling=2,
        quantizers=quantizers,
    )
    for quantizer in quantizers:
        collapsed(quantizer)
    quantizers[0].embeddings.assign(
        np.where(np.arange(8)[:, None] == 5, 0.0, 1.0) * np.ones((1, 4))
    )
    smaller = models.remap_unused_codes(model, images())
    top, bottom = smaller.num_embeddings
    assert top == 2  # of which one is used: no codebook has fewer
    assert bottom <= 4
    assert smaller.quantizers[1].counts.shape == (bottom,)
    old, new = model.encode(images()), smaller.encode(images())
    assert np.unique(old[0]).tolist() == [5]
    assert np.unique(new[0]).tolist() == [1]
    np.testing.assert_array_equal(smaller.decode(new), model.decode(old))


def test_smaller_model_of_projected_codes():
    inside = layers.VectorQuantizerEMA(16, 2)
    model = tiny_vqvae(quantizer=layers.ProjectedQuantizer(inside, 4))
    collapsed(inside)
    smaller = models.remap_unused_codes(model, images())
    assert smaller.num_embeddings == smaller.quantizer.num_embeddings <= 4
    assert smaller.quantizer.quantizer.counts.shape[0] <= 4
    np.testing.assert_allclose(
        smaller.predict(images(), verbose=0),
        model.predict(images(), verbose=0),
        atol=1e-6,
    )


def test_smaller_model_needs_counts_and_a_table():
    with pytest.raises(ValueError, match="Pass as `x`"):
        models.remap_unused_codes(tiny_vqvae())
    model = tiny_vqvae(quantizer="finite_scalar_quantizer")
    with pytest.raises(ValueError, match="FiniteScalarQuantizer"):
        models.remap_unused_codes(model, images())


def test_usage_has_shares_a_histogram_and_a_map():
    counts = np.array([0, 4, 2, 0, 1, 1, 0])
    shares, histogram, frequencies = codebook_usage(
        {"perplexity": counts}
    ).axes[:3]
    assert shares.get_title() == "4 of 7 codes in use, perplexity: 3.4"
    assert histogram.get_title() == "unused codes: 3"
    assert sum(bar.get_height() for bar in histogram.patches) == 4
    cells = frequencies.images[0].get_array()
    assert cells.shape == (3, 3)
    np.testing.assert_allclose(cells[0, 1], 7 * 4 / 8)
    np.testing.assert_array_equal(
        np.ma.getmaskarray(np.ma.masked_invalid(cells)).ravel(),
        [True, False, False, True, False, False, True, True, True],
    )


def test_usage_of_no_codes_is_plotted():
    shares = codebook_usage({"perplexity": np.zeros(4)}).axes[0]
    assert shares.get_title().startswith("0 of 4 codes")


@pytest.mark.parametrize("used", [1, 8])
def test_usage_of_a_collapsed_codebook_is_readable(used):
    counts = np.zeros(512)
    counts[:used] = 100
    shares, histogram, _ = codebook_usage({"perplexity": counts}).axes[:3]
    assert shares.get_title() == f"{used} of 512 codes in use, perplexity: " + (
        f"{used:.1f}"
    )
    # The bars fill a visible part of the panel.
    low, high = shares.get_xlim()
    assert used / (high - low) > 0.05
    drawn = [bar.get_height() for bar in shares.patches]
    assert drawn[: used + 1] == pytest.approx([1 / used] * used + [0])
    assert histogram.get_title() == f"unused codes: {512 - used}"


def test_projection_is_onto_the_plane_of_greatest_variance(rng):
    vectors = rng.normal(size=(200, 3)) * [0.01, 5.0, 1.0] + 7
    used, unused = vectors[:4], np.full((2, 3), 100.0)
    axis = code_projection(vectors, used, unused).axes[0]
    assert (
        axis.get_title()
        == "4 codes in use, 2 unused (2 outside of the picture)"
    )
    points = np.abs(np.asarray(axis.collections[0].get_offsets()))
    centred = np.abs(vectors - vectors.mean(axis=0))
    np.testing.assert_allclose(points, centred[:, 1:], atol=0.7)
    assert "96%" in axis.get_xlabel() or "97%" in axis.get_xlabel()


def test_projection_of_one_dimension(rng):
    vectors = rng.normal(size=(20, 1))
    axis = code_projection(vectors, vectors[:2]).axes[0]
    assert axis.get_ylabel() == "second component, 0%"


def test_codes_of_a_quantizer(model):
    quantizer = model.quantizer
    codes = to_numpy(quantizer.embeddings)
    used, unused = codes_of(quantizer, codes[[2, 0, 2]])
    np.testing.assert_array_equal(used, codes[[0, 2]])
    assert unused.shape == (14, 4)


def test_pictures_of_codes_are_written(model, tmp_path):
    plane = callbacks.CodeProjection(images(), tmp_path / "plane", 100)
    usage = callbacks.CodebookPlot(tmp_path / "usage")
    for callback in (plane, usage):
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_end(0)
    found = {p.parent.name for p in tmp_path.glob("*/epoch_0001.png")}
    assert found == {"plane", "usage"}


def test_projection_needs_one_quantizer(tmp_path):
    plane = callbacks.CodeProjection(images(), tmp_path)
    plane.set_model(keras.Sequential([keras.Input((2,))]))
    with pytest.raises(ValueError, match="Received: Sequential"):
        plane.on_train_begin()


def test_stages_have_no_single_table_to_make_smaller(rng):
    model = tiny_vqvae(quantizer="residual_vector_quantizer")
    with pytest.raises(ValueError, match="has no table of codes"):
        models.remap_unused_codes(model, tiny_images(rng, 4))
