import keras
import numpy as np
import pytest

from keras_vq import priors
from tests.helpers import to_numpy
from tests.reference import autoregressive


def window(code_shape=(2, 4), **kwargs):
    prior = priors.Transformer(
        code_shape, 5, num_layers=1, num_heads=2, hidden_dim=8, **kwargs
    )
    rng = np.random.default_rng(0)
    for w in prior.trainable_weights:
        w.assign(w + 0.3 * rng.normal(size=w.shape))
    return prior


def test_a_window_as_large_as_the_map_changes_nothing():
    prior = window(num_classes=2, label_dropout=0.5)
    large = priors.SlidingWindow(prior, (2, 4))
    options = {"labels": [0, 1, 1], "guidance_scale": 1.5, "seed": 3}
    np.testing.assert_array_equal(
        large.generate(3, **options), prior.generate(3, **options)
    )


@pytest.mark.parametrize("condition_shape", [None, (1, 2)])
def test_it_sees_the_window_around_each_code(condition_shape, rng):
    kwargs, condition = {}, None
    if condition_shape is not None:
        kwargs = {
            "condition_shape": condition_shape,
            "num_condition_embeddings": 6,
        }
        condition = rng.integers(6, size=(2, 2, 4), dtype="int32")
    prior = window((2, 2), **kwargs)
    large = priors.SlidingWindow(prior, (4, 4))
    assert large.condition_shape == (None if condition is None else (2, 4))

    def logits_of(codes, labels):
        logits = np.zeros((*codes.shape, 5), "float32")
        for row, column in np.ndindex(4, 4):
            top, left = max(row - 1, 0), max(column - 1, 0)
            x = codes[:, top : top + 2, left : left + 2]
            if condition is not None:
                # A code of the condition is for two rows: the window begins
                # where one does, and still holds the code to be drawn.
                top = row // 2 * 2
                x = codes[:, top : top + 2, left : left + 2]
                x = x, condition[:, top // 2, None, left : left + 2]
            seen = to_numpy(prior(x))
            logits[:, row, column] = seen[:, row - top, column - left]
        return logits

    expected = autoregressive.draw(
        large, 2, None, 4, autoregressive.random_code, logits_of
    )
    found = large.generate(2, seed=4, condition=condition)
    np.testing.assert_array_equal(found, expected)
    logits = logits_of(found, None)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    log_p = np.take_along_axis(log_p, found[..., None], axis=-1).sum((1, 2, 3))
    np.testing.assert_allclose(
        large.log_prob(found, condition=condition), log_p, rtol=1e-4
    )


def test_several_codes_a_position_and_saving(tmp_path):
    prior = priors.PixelCNN((2, 2, 2), 3, depth=2, hidden_dim=4, num_layers=1)
    large = priors.SlidingWindow(prior, (3, 4, 2))
    large.save(tmp_path / "large.keras")
    again = keras.models.load_model(tmp_path / "large.keras")
    drawn = large.generate(2, seed=1)
    assert drawn.shape == (2, 3, 4, 2)
    np.testing.assert_array_equal(again.generate(2, seed=1), drawn)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"nowhere smaller.*code_shape=\(2, 3"):
        priors.SlidingWindow(window(), (2, 3))
    with pytest.raises(ValueError, match=r"as many axes.*code_shape=\(2, 4, 4"):
        priors.SlidingWindow(window(), (2, 4, 4))
    told = {"num_condition_embeddings": 6}
    for shape, large in (((3,), (4, 8)), ((1, 3), (4, 8)), ((1, 2), (5, 8))):
        prior = window(condition_shape=shape, **told)
        with pytest.raises(ValueError, match="must be whole multiples"):
            priors.SlidingWindow(prior, large)
