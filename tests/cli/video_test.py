"""Video from a folder of animations: train, reconstruct, measure, generate."""

import numpy as np
import pytest

from keras_vq import recipes
from keras_vq.data.video import read_video
from keras_vq.data.video import write_gif

TOKENIZER = """
model = "vqvae"
[arguments]
input_shape = [3, 16, 16, 1]
num_embeddings = 8
embedding_dim = 4
hidden_dim = 4
num_residual_layers = 1
residual_hidden_dim = 4
downsampling = [2, 4, 4]
is_causal = true
[data]
name = "{folder}"
batch_size = 8
[training]
epochs = 1
min_steps = 0
learning_rate = 1e-3
"""
PRIOR = """
model = "maskgit"
[arguments]
tokenizer = "{run}/model.keras"
num_layers = 1
num_heads = 2
hidden_dim = 8
num_steps = 2
[data]
name = "{folder}"
batch_size = 8
[training]
epochs = 1
min_steps = 0
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def animations(tmp_path_factory):
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("animations")
    for number in range(16):
        path = folder / ("test" if number < 3 else "train") / f"{number}.gif"
        path.parent.mkdir(exist_ok=True)
        write_gif(path, rng.uniform(size=(4, 16, 16, 1)))
    return folder


def test_videos_are_reconstructed_measured_and_generated(
    cli, animations, tmp_path
):
    recipe, run = tmp_path / "tokenizer.toml", tmp_path / "run"
    recipe.write_text(TOKENIZER.format(folder=animations))
    assert "16 videos" in cli("train", recipe, "--out", run)
    assert (run / "reconstructions" / "epoch_0001.png").exists()
    assert "9 frames, mean PSNR" in cli("reconstruct", run)
    original = read_video(run / "reconstruction" / "02_original.gif")
    source = read_video(animations / "test" / "2.gif")
    np.testing.assert_array_equal(original, source[:3])
    found = read_video(run / "reconstruction" / "02_reconstruction.gif")
    expected = recipes.Run(run).model.predict(
        source[None, :3, ..., :1] / 255, verbose=0
    )
    np.testing.assert_allclose(found[..., :1], expected[0] * 255, atol=1)
    assert "psnr" in cli("evaluate", run)
    file = animations / "train" / "9.gif"
    assert "3 frames" in cli("reconstruct", run, file, "--out", run / "one.png")

    output = cli("tokenize", run, tmp_path / "codes", "--split", "test")
    assert "codes 2 x 4 x 4 of 8" in output
    recipe.write_text(PRIOR.format(folder=animations, run=run))
    prior = tmp_path / "prior"
    cli("train", recipe, "--out", prior)
    assert (prior / "samples" / "epoch_0001.png").exists()
    output = cli("generate", prior, "--num", 2)
    assert "Wrote 2 animations" in output
    assert read_video(prior / "samples" / "01_sample.gif").shape[0] == 3
