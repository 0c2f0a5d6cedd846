import keras
import numpy as np
import pytest

from keras_vq.layers import VectorQuantizerEMA
from tests.helpers import to_numpy
from tests.reference import vector_quantizer_ema as reference
from tests.reference.vector_quantizer import nearest


def build(embeddings, **kwargs):
    layer = VectorQuantizerEMA(*embeddings.shape, **kwargs)
    layer.build()
    layer.embeddings.assign(embeddings)
    layer.sums.assign(embeddings)
    return layer


def state(layer):
    return to_numpy([layer.counts, layer.sums, layer.embeddings])


def test_output_uses_the_codebook_before_its_update(rng):
    embeddings = rng.normal(size=(6, 3)).astype("float32")
    layer = build(embeddings, decay=0.5)
    outputs = to_numpy(layer(rng.normal(size=(20, 3)), training=True))
    np.testing.assert_array_equal(
        outputs["quantized"], embeddings[outputs["indices"]]
    )
    assert np.abs(to_numpy(layer.embeddings) - embeddings).max() > 0.1


def test_start_leaves_unused_codes_where_they_are(rng):
    embeddings = np.array([[0, 0], [50, 50], [-50, 9]], "float32")
    layer = build(embeddings, revival_threshold=None)
    for _ in range(20):
        z = rng.normal(scale=0.1, size=(64, 2)).astype("float32")
        layer(z, training=True)
    np.testing.assert_allclose(
        to_numpy(layer.embeddings)[1:], embeddings[1:], rtol=1e-3
    )


def test_raw_counts_are_stored_not_smoothed_ones(rng):
    layer = build(rng.normal(size=(4, 2)).astype("float32"), epsilon=1.0)
    z = rng.normal(size=(30, 2)).astype("float32")
    indices = to_numpy(layer(z, training=True)["indices"])
    expected = 0.99 + 0.01 * np.bincount(indices, minlength=4)
    np.testing.assert_allclose(to_numpy(layer.counts), expected, rtol=1e-5)


def test_revival_resets_code_sum_and_count_together(rng):
    embeddings = np.array([[0, 0], [90, 90], [80, -80]], "float32")
    layer = build(embeddings, decay=0.5, revival_threshold=0.3)
    z = rng.normal(size=(40, 2)).astype("float32")
    layer(z, training=True)
    counts, sums, codes = state(layer)
    mean_count = (0.5 * 3 + 0.5 * 40) / 3
    np.testing.assert_allclose(counts[1:], mean_count, rtol=1e-5)
    np.testing.assert_allclose(sums[1:], mean_count * codes[1:], rtol=1e-5)
    for code in codes[1:]:
        assert np.any(np.all(z == code, axis=1)), "not a vector of the batch"
    # The code in use has its ordinary update.
    expected = reference.VectorQuantizerEMA(embeddings, decay=0.5)
    expected.update(z, nearest(z, embeddings))
    np.testing.assert_allclose(codes[0], expected.embeddings[0], atol=1e-5)


def test_revival_draws_differ_from_step_to_step(rng):
    embeddings = np.full((32, 2), 70, "float32")
    layer = build(embeddings, decay=0.5, revival_threshold=0.9)
    z = rng.normal(size=(400, 2)).astype("float32")
    layer(z, training=True)
    first = to_numpy(layer.embeddings)
    assert len(np.unique(first[1:], axis=0)) > 20
    layer.embeddings.assign(embeddings)
    layer.counts.assign(np.ones(32))
    layer(z, training=True)
    assert not np.array_equal(first, to_numpy(layer.embeddings))


def test_revival_keeps_a_codebook_alive_that_collapses_without_it(rng):
    def usage(**kwargs):
        """Share of the codes hit in the last 10 of 150 steps."""
        layer = VectorQuantizerEMA(64, 4, seed=1, **kwargs)
        hit = set()
        for step in range(150):
            z = (rng.normal(size=(256, 4)) + 20).astype("float32")
            indices = to_numpy(layer(z, training=True)["indices"])
            hit |= set(indices.tolist()) if step >= 140 else set()
        return len(hit) / 64

    assert usage(revival_threshold=None) < 0.3
    assert usage() > 0.9


def test_the_decay_warms_up(rng):
    embeddings = rng.normal(size=(4, 3)).astype("float32")
    layer = build(
        embeddings, decay=0.3, revival_threshold=None, decay_warmup=True
    )
    expected = reference.VectorQuantizerEMA(embeddings)
    for decay in (1 / 10, 2 / 11, 3 / 12, 0.3, 0.3):
        z = rng.normal(size=(20, 3)).astype("float32")
        layer(z, training=True)
        layer(np.zeros((0, 3), "float32"), training=True)  # is no step
        layer(z)
        expected.decay = decay
        expected.update(z, nearest(z, expected.embeddings))
    np.testing.assert_allclose(
        to_numpy(layer.embeddings), expected.embeddings, rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match="`decay_warmup` must be a bool"):
        VectorQuantizerEMA(4, 3, decay_warmup=None)


def test_empty_batch_changes_no_code(rng):
    embeddings = rng.normal(size=(4, 3)).astype("float32")
    layer = build(embeddings)
    outputs = to_numpy(layer(np.zeros((0, 5, 3), "float32"), training=True))
    assert outputs["loss"] == 0
    np.testing.assert_allclose(to_numpy(layer.embeddings), embeddings, 1e-4)


def test_masked_batches_change_nothing(rng):
    embeddings = rng.normal(size=(4, 3)).astype("float32")
    layer = build(embeddings)
    layer(rng.normal(size=(5, 3)), training=True)
    before = to_numpy(layer.counts), to_numpy(layer.sums)
    for _ in range(3):
        z = rng.normal(size=(5, 3)).astype("float32")
        layer(z, mask=np.zeros(5, "bool"), training=True)
    np.testing.assert_array_equal(to_numpy(layer.counts), before[0])
    np.testing.assert_array_equal(to_numpy(layer.sums), before[1])


def test_seed_alone_decides_the_draws(rng):
    embeddings = np.full((4, 2), 50, "float32")
    embeddings[0] = 0
    z = rng.normal(size=(9, 2)).astype("float32")
    revived = []
    for global_seed in (0, 1):
        keras.utils.set_random_seed(global_seed)
        layer = build(embeddings, decay=0.5, revival_threshold=0.9, seed=7)
        layer(z, training=True)
        revived.append(to_numpy(layer.embeddings))
    assert np.abs(revived[0]).max() < 10
    np.testing.assert_array_equal(*revived)


def test_state_is_float32_and_survives_slow_decay_in_bfloat16():
    layer = build(
        np.eye(2, 3, dtype="float32"),
        decay=0.999,
        dtype="bfloat16",
        revival_threshold=None,
    )
    for _ in range(2):
        layer(np.eye(1, 3, dtype="float32"), training=True)
    expected = [1.0, 0.999**2]  # of the first code, which is always chosen
    np.testing.assert_allclose(to_numpy(layer.counts), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"decay": 1.0}, "decay=1.0"),
        ({"decay": 0.0}, "decay=0.0"),
        ({"epsilon": 0.0}, "epsilon=0.0"),
        ({"revival_threshold": 1.0}, "revival_threshold=1.0"),
    ],
)
def test_bad_arguments_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        VectorQuantizerEMA(8, 4, **kwargs)
