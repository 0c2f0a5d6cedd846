import keras
import numpy as np
import pytest

from keras_vq.metrics import CodebookPerplexity
from keras_vq.metrics import CodebookUsage


def perplexity(indices, num_embeddings):
    p = np.bincount(indices.ravel(), minlength=num_embeddings) / indices.size
    return np.exp(-sum(x * np.log(x) for x in p if x > 0))


def test_perplexity_is_of_the_epochs_counts_not_a_mean_of_batches():
    metric = CodebookPerplexity(4)
    batches = [np.array([0, 0, 0]), np.array([1, 2, 3])]
    for batch in batches:
        metric.update_state(batch)
    expected = perplexity(np.concatenate(batches), 4)
    of_batches = np.mean([perplexity(b, 4) for b in batches])
    assert abs(expected - of_batches) > 0.5
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


def test_usage_is_the_share_of_codes_hit_over_the_epoch():
    metric = CodebookUsage(8)
    metric.update_state(np.array([[0, 1], [1, 0]]))
    metric.update_state(np.array([[5, 1], [1, 0]]))
    assert float(metric.result()) == 3 / 8


def test_a_mask_of_positions_counts_for_all_their_codes():
    metric = CodebookUsage(8)
    indices = np.array([[[0, 1], [2, 3]], [[4, 5], [6, 7]]])
    metric.update_state(indices, mask=np.array([[True, False], [True, True]]))
    assert float(metric.result()) == 6 / 8


@pytest.mark.parametrize("metric", [CodebookPerplexity, CodebookUsage])
def test_reset_forgets_the_epoch(metric):
    metric = metric(8)
    assert float(metric.result()) == 0
    metric.update_state(np.array([1, 2]))
    assert float(metric.result()) > 0
    metric.reset_state()
    assert float(metric.result()) == 0


def test_sample_weight_is_rejected():
    with pytest.raises(ValueError, match="not support `sample_weight`"):
        CodebookUsage(8).update_state(np.array([1]), sample_weight=[1.0])


@pytest.mark.parametrize("cls", [CodebookPerplexity, CodebookUsage])
def test_config_round_trip(cls):
    config = keras.saving.serialize_keras_object(cls(8, name="other"))
    metric = keras.saving.deserialize_keras_object(config)
    assert type(metric) is cls
    assert (metric.num_embeddings, metric.name) == (8, "other")
