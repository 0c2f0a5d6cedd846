"""Parts of the factories, chosen by name."""

import math

import pytest

from keras_vq import layers
from keras_vq import zoo
from keras_vq.zoo.parts import levels_near
from tests.helpers import tiny_vqvae

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
def test_bad_names_and_numbers_are_reported(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqvae(**kwargs)


def test_a_published_model_is_a_part_by_its_name():
    prior = zoo.pixelcnn("vqvae_mnist", num_layers=1, hidden_dim=4)
    assert prior.code_shape == (7, 7)
    tokenizer = zoo.load("vqvae_mnist")
    assert prior.tokenizer_fingerprint == tokenizer.fingerprint()
    with pytest.raises(FileNotFoundError, match="`tokenizer` at a"):
        zoo.pixelcnn("a.keras")
