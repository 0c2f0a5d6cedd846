import pytest

from keras_vq import layers
from keras_vq import models
from keras_vq import priors
from keras_vq import zoo
from tests.helpers import tiny_vqvae

SMALL = {"hidden_dim": 4, "num_layers": 2}


@pytest.mark.parametrize(
    ("factory", "input_shape", "code_shape"),
    [
        (zoo.maskgit, (16, 8, 3), (4, 2)),
        (zoo.pixelcnn, (16, 8, 3), (4, 2)),
        (zoo.transformer, (16, 8, 3), (4, 2)),
        (zoo.vq_diffusion, (16, 8, 3), (4, 2)),
        (zoo.wavenet, (16, 1), (4,)),
    ],
)
def test_factory_takes_the_codes_of_the_tokenizer(
    factory, input_shape, code_shape
):
    tokenizer = tiny_vqvae(input_shape=input_shape, num_embeddings=5)
    prior = factory(tokenizer, num_classes=3, label_dropout=0.1, **SMALL)
    assert (prior.code_shape, prior.num_embeddings) == (code_shape, 5)
    assert (prior.num_classes, prior.label_dropout) == (3, 0.1)
    assert prior.tokenizer_fingerprint == tokenizer.fingerprint()
    assert prior.compiled


@pytest.mark.parametrize("network", ["transformer", "unet"])
def test_latent_diffusion_takes_the_latents_of_the_tokenizer(network):
    tokenizer = tiny_vqvae(input_shape=(16, 8, 3), num_embeddings=5)
    options = {"network": network, "num_classes": 3, "label_dropout": 0.1}
    prior = zoo.latent_diffusion(tokenizer, **options, **SMALL)
    assert prior.code_shape == tokenizer.continuous_shape
    assert (prior.num_classes, prior.label_dropout) == (3, 0.1)
    assert prior.tokenizer_fingerprint == tokenizer.latent_fingerprint()
    assert prior.optimizer.use_ema


def test_latent_diffusion_needs_continuous_latents():
    with pytest.raises(ValueError, match=r"codes, not continuous.*pixelcnn"):
        zoo.latent_diffusion(models.Pixels((4, 4, 3), num_embeddings=5))
    with pytest.raises(ValueError, match="'transformer', 'unet'"):
        zoo.latent_diffusion(tiny_vqvae(), network="mlp")


def test_factory_takes_several_codes_per_position():
    quantizer = layers.ResidualVectorQuantizer(layers.VectorQuantizer(5, 4), 3)
    prior = zoo.pixelcnn(tiny_vqvae(quantizer=quantizer), **SMALL)
    assert (prior.code_shape, prior.codes_per_position) == ((2, 2, 3), 3)


def test_factory_takes_a_file(tmp_path):
    tiny_vqvae(num_embeddings=5).save(tmp_path / "tokenizer.keras")
    prior = zoo.pixelcnn(str(tmp_path / "tokenizer.keras"), **SMALL)
    assert prior.code_maps == [((2, 2), 5)]
    with pytest.raises(FileNotFoundError, match="`tokenizer` at nowhere"):
        zoo.pixelcnn("nowhere.keras")


def test_mixture_of_logistics_is_for_pixels():
    tokenizer = tiny_vqvae(num_embeddings=256)
    prior = zoo.pixelcnn(tokenizer, output="logistic_mixture", **SMALL)
    assert isinstance(prior.head, priors.LogisticMixtureHead)
    with pytest.raises(ValueError, match=r"`head` must match.*256.*\b8\b"):
        zoo.pixelcnn(
            tiny_vqvae(num_embeddings=8), output="logistic_mixture", **SMALL
        )
    with pytest.raises(ValueError, match=r"`output` must be .*'gaussian'"):
        zoo.pixelcnn(tokenizer, output="gaussian")
