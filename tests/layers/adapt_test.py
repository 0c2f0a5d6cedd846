"""Codebooks that start from data."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vq import layers
from keras_vq import zoo
from tests.helpers import tiny_images
from tests.helpers import tiny_vqgan
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy

CENTRES = np.array([[9, 9], [-9, 9], [0, -9], [0, 0]], "float32")


def clusters(rng, count=400):
    noise = rng.normal(scale=0.1, size=(count, 2))
    return (CENTRES[rng.integers(4, size=count)] + noise).astype("float32")


def error(layer, z):
    codes = layer.decode_indices(layer.encode_to_indices(z))
    return np.mean((z - to_numpy(codes)) ** 2)


@pytest.mark.parametrize(
    "layer",
    [
        layers.VectorQuantizer(8, 2),
        layers.VectorQuantizerEMA(8, 2),
        layers.SimVectorQuantizer(8, 2),
        layers.ResidualVectorQuantizer(layers.VectorQuantizerEMA(4, 2), 2),
        layers.ResidualVectorQuantizer(
            layers.VectorQuantizer(8, 2), 2, shared=True
        ),
        layers.GroupedVectorQuantizer(layers.VectorQuantizer(4, 1), 2),
        layers.GroupedVectorQuantizer(
            layers.VectorQuantizer(4, 1), 2, shared=True
        ),
    ],
    ids=lambda layer: layer.name,
)
def test_codes_move_to_the_vectors(rng, layer):
    z = clusters(rng)
    before = error(layer, z)
    layer.adapt(z)
    assert error(layer, z) < 0.05 < before / 100


def test_cosine_codes_move_to_the_sphere(rng):
    layer = layers.VectorQuantizer(4, 2, distance="cosine")
    z = clusters(rng)[:, :2] + [3, 0]
    layer.adapt(z.astype("float32"))
    lengths = np.linalg.norm(to_numpy(layer.embeddings), axis=1)
    assert (lengths > 0.9).all()


def test_averages_start_at_the_adapted_codes(rng):
    layer = layers.VectorQuantizerEMA(4, 2)
    layer.adapt(clusters(rng))
    np.testing.assert_array_equal(
        to_numpy(layer.sums), to_numpy(layer.embeddings)
    )
    np.testing.assert_array_equal(to_numpy(layer.counts), 1)


def test_data_sets_are_streamed_and_sampled(rng):
    """A sample of the whole, and the same one for the same seed."""
    z = np.arange(1000, dtype="float32")[:, None]
    codes = []
    for seed in (1, 1, 2):
        layer = layers.VectorQuantizer(10, 1)
        data = tf.data.Dataset.from_tensor_slices((z, z)).batch(64)
        layer.adapt(data, num_vectors=100, seed=seed)
        codes.append(np.sort(to_numpy(layer.embeddings).ravel()))
    np.testing.assert_array_equal(codes[0], codes[1])
    assert np.any(codes[0] != codes[2])
    assert codes[0][0] < 150
    assert codes[0][-1] > 850
    layer.adapt(data, num_vectors=10)  # each vector is a code
    assert set(to_numpy(layer.embeddings).ravel()) <= set(z.ravel())


@pytest.mark.parametrize(
    "layer",
    [
        layers.FiniteScalarQuantizer((5, 5)),
        layers.LookupFreeQuantizer(2),
        layers.GumbelQuantizer(4, 2),
        layers.RandomProjectionQuantizer(4, 2),
    ],
    ids=lambda layer: layer.name,
)
def test_quantizers_without_a_codebook_of_vectors_are_rejected(rng, layer):
    with pytest.raises(ValueError, match="no codebook to initialize from data"):
        layer.adapt(clusters(rng))


def test_too_few_vectors_and_no_data_are_reported():
    layer = layers.VectorQuantizer(8, 2)
    with pytest.raises(ValueError, match="7 vectors for 8 clusters"):
        layer.adapt(np.zeros((7, 2), "float32"))
    with pytest.raises(ValueError, match="empty"):
        layer.adapt(iter(()))


@pytest.mark.parametrize(
    ("make", "share"), [(tiny_vqvae, 0.25), (tiny_vqgan, 0.35)]
)
def test_a_model_adapts_to_the_outputs_of_its_encoder(rng, make, share):
    x = tiny_images(rng, 32)
    model = make(input_shape=(8, 8, 3), num_embeddings=16)
    z = to_numpy(model.quantizer_inputs(x)[0])
    before = error(model.quantizer, z)
    model.adapt(x, batch_size=16)
    assert error(model.quantizer, z) < share * np.var(z)
    assert before > error(model.quantizer, z)
    assert len(np.unique(model.encode(x))) == 16


def test_levels_adapt_given_those_above(rng):
    x = tiny_images(rng, 32, (16, 16, 3))
    model = zoo.vqvae2(
        (16, 16, 3),
        num_embeddings=8,
        embedding_dim=4,
        hidden_dim=4,
        num_residual_layers=1,
        residual_hidden_dim=2,
    )
    model.adapt(tf.data.Dataset.from_tensor_slices(x).batch(16))
    z = to_numpy(model.quantizer_inputs(x))
    for quantizer, vectors, indices in zip(
        model.quantizers, z, model.encode(x), strict=True
    ):
        assert len(np.unique(indices)) == 8
        assert error(quantizer, vectors) < 0.3 * np.var(vectors)
