"""A model with several levels of codes, and the features of a network."""

import re

import keras

RECIPE = """
model = "vqvae2"

[arguments]
input_shape = [32, 32, 3]
num_embeddings = 16
embedding_dim = 4
hidden_dim = 8
num_residual_layers = 0
residual_hidden_dim = 4

[data]
name = "scenes"
train_split = "train[:250]"
test_split = "test[:50]"
batch_size = 32

[training]
epochs = 1
"""


def test_levels_and_features(cli, tmp_path):
    recipe, run = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(RECIPE)
    code, output, errors = cli("train", recipe, "--out", run)
    assert code == 0, errors
    assert "levels" in output
    for folder in ("reconstructions", "codebook", "levels"):
        assert (run / folder / "epoch_0001.png").exists()

    code, output, _ = cli("reconstruct", run, "--levels")
    assert (code, "16 images" in output) == (0, True)
    code, output, _ = cli("info", run)
    # 16 * 4 bits at the top, 64 * 4 at the bottom.
    assert (code, "320 bits per input" in output) == (0, True)

    network = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]
    )
    network.save(tmp_path / "features.keras")
    features = tmp_path / "features.keras"
    code, output, errors = cli("evaluate", run, "--features", features)
    assert code == 0, errors
    for name in ("psnr", "ssim", "frechet_distance"):
        assert float(re.search(rf"{name}\s+([-\d.e]+)", output)[1]) > 0
