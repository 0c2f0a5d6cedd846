"""Quantizers with a linear map: learned, frozen, and around another one."""

import keras
import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import to_numpy


def test_sim_starts_with_the_papers_variance_and_the_identity():
    layer = layers.SimVectorQuantizer(2000, 16)
    layer.build()
    assert [v.name for v in layer.trainable_variables] == ["kernel"]
    np.testing.assert_array_equal(to_numpy(layer.kernel), np.eye(16))
    np.testing.assert_allclose(
        to_numpy(layer.embeddings).var(), 1 / 16, rtol=0.05
    )


def test_random_projection_follows_its_seed():
    first, again, other = (
        layers.RandomProjectionQuantizer(9, 5, seed=seed) for seed in (2, 2, 3)
    )
    for layer in (first, again, other):
        layer.build()
    for a, b, c in zip(
        first.weights, again.weights, other.weights, strict=True
    ):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
        assert np.abs(to_numpy(a) - to_numpy(c)).max() > 0.1


def test_matrices_of_a_projection_start_different():
    layer = layers.ProjectedQuantizer(layers.VectorQuantizer(6, 2), 4)
    layer.build()
    down, up = to_numpy([layer.down, layer.up])
    assert np.abs(down - up.T).max() > 0.1


def test_projection_goes_around_any_quantizer(rng):
    layer = layers.ProjectedQuantizer(
        layers.ResidualVectorQuantizer(
            layers.VectorQuantizerEMA(8, 2), num_stages=3
        ),
        6,
    )
    outputs = to_numpy(layer(rng.normal(size=(4, 6)), training=True))
    assert outputs["indices"].shape == (4, 3)
    assert outputs["quantized"].shape == (4, 6)
    assert layer.decode_indices(outputs["indices"][:, :1]).shape == (4, 6)


def test_bad_arguments_are_reported():
    with pytest.raises(ValueError, match="type Dense"):
        layers.ProjectedQuantizer(keras.layers.Dense(2), 4)
    with pytest.raises(ValueError, match="code_dim=0"):
        layers.RandomProjectionQuantizer(8, 4, code_dim=0)
