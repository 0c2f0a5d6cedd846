import numpy as np
import pytest

from keras_vq import priors
from keras_vq import zoo
from tests.helpers import tiny_vqvae


def test_caches_do_not_grow_with_the_number_of_rows():
    def sizes(height):
        prior = priors.PixelCNN((height, 4), 8, hidden_dim=4, num_layers=3)
        state = prior.initial_state(2, None)
        parts = (state["row_caches"], state["caches"], state["features"])
        return [np.prod(cache.shape) for part in parts for cache in part]

    assert sizes(3) == sizes(30)


def test_the_factory_takes_the_codes_of_the_tokenizer(tmp_path):
    tokenizer = tiny_vqvae(input_shape=(16, 8, 3), num_embeddings=5)
    prior = zoo.pixelcnn(tokenizer, hidden_dim=4, num_layers=2)
    assert prior.code_shape == (4, 2)
    assert prior.num_embeddings == 5
    tokenizer.save(tmp_path / "tokenizer.keras")
    again = zoo.pixelcnn(str(tmp_path / "tokenizer.keras"), hidden_dim=4)
    assert again.code_shape == (4, 2)
    with pytest.raises(FileNotFoundError, match="`tokenizer` at nowhere"):
        zoo.pixelcnn("nowhere.keras")


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"\(height, width\).*code_shape=\(4,"):
        priors.PixelCNN((4,), 8)
    with pytest.raises(ValueError, match="`num_layers` must be"):
        priors.PixelCNN((4, 4), 8, num_layers=0)
    with pytest.raises(ValueError, match="`kernel_size` must be"):
        priors.PixelCNN((4, 4), 8, kernel_size=4)
    with pytest.raises(ValueError, match="WaveNet models sequences"):
        priors.WaveNet((4, 4), 8)
    with pytest.raises(ValueError, match="`num_heads` must divide"):
        priors.Transformer((4, 4), 8, num_heads=3, hidden_dim=8)
    with pytest.raises(ValueError, match="`positions` must be one of"):
        priors.Transformer((4, 4), 8, positions="absolute")
    with pytest.raises(ValueError, match=r"`depth` must be 1 or .*depth=2"):
        priors.PixelCNN((4, 4), 8, depth=2)
    with pytest.raises(ValueError, match="`output` must be one of"):
        priors.PixelCNN((4, 4), 8, output="gaussian")
    with pytest.raises(ValueError, match=r"256 levels of pixels.*=8"):
        priors.PixelCNN((4, 4), 8, output="logistic_mixture")
    with pytest.raises(ValueError, match="`tie_weights` needs one code"):
        priors.Transformer((4, 2), 8, depth=2, tie_weights=True)
    with pytest.raises(ValueError, match=r"go together.*=None"):
        priors.Transformer((4, 4), 8, condition_shape=(2, 2))
