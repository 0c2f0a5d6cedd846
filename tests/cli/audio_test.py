"""A codec from a folder of recordings: train, reconstruct, evaluate, codes."""

import numpy as np
import pytest
import soundfile

from keras_vq import data
from keras_vq import recipes

RATE = 1000
RECIPE = """
model = "audio_codec"
[arguments]
input_shape = [400, 1]
sample_rate = 1000
num_embeddings = 8
code_dim = 2
num_stages = 2
hidden_dim = 4
embedding_dim = 8
strides = [4, 5]
dilations = [1]
[data]
name = "{folder}"
batch_size = 8
sample_rate = 1000
[training]
epochs = 2
min_steps = 0
learning_rate = 1e-3
"""
PRIOR = """
model = "wavenet"
[arguments]
tokenizer = "{run}/model.keras"
pattern = "delayed"
hidden_dim = 8
num_layers = 1
[data]
name = "{folder}"
batch_size = 8
sample_rate = 1000
[training]
epochs = 1
min_steps = 0
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    time = np.arange(500) / RATE
    for number in range(24):
        path = folder / ("test" if number < 4 else "train") / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        tone = 0.5 * np.sin(2 * np.pi * (50 + 10 * number) * time)
        soundfile.write(path, tone, RATE)
    return folder


@pytest.fixture
def recipe(tones, tmp_path):
    path = tmp_path / "codec.toml"
    path.write_text(RECIPE.format(folder=tones))
    return path


def test_a_codec_is_trained_reconstructs_and_is_measured(
    cli, recipe, tones, tmp_path
):
    out = tmp_path / "run"
    cli("train", recipe, "--out", out)
    assert (out / "reconstructions" / "epoch_0002.png").exists()
    assert "4 recordings, mean SI-SDR" in cli("reconstruct", out)
    clips = {
        name: soundfile.read(out / "reconstruction" / f"03_{name}.wav")
        for name in ("original", "reconstruction")
    }
    (original, rate), (found, _) = clips.values()
    assert rate == RATE
    assert original.shape == found.shape == (400,)
    run = recipes.Run(out)
    batch = next(iter(data.load(tones, "test", clip_seconds=0.4)))
    np.testing.assert_allclose(original, batch[3, :, 0], atol=1e-3)
    expected = run.model.predict(batch.numpy(), verbose=0)
    np.testing.assert_allclose(found, expected[3, :, 0], atol=1e-3)

    output = cli("evaluate", out)
    assert all(
        name in output
        for name in ("si_sdr", "log_spectral_distance", "mel_distance")
    )
    wav = tones / "train" / "9.wav"
    assert "1 recording," in cli(
        "reconstruct", out, wav, "--out", tmp_path / "one.png"
    )
    original, _ = soundfile.read(tmp_path / "one" / "00_original.wav")
    np.testing.assert_allclose(
        original, soundfile.read(wav)[0][:400], atol=1e-4
    )

    codes = data.load_codes(run.model, tones, "test", sample_rate=RATE)
    assert next(iter(codes)).shape == (4, 20, 2)

    folder = tmp_path / "codes"
    cli("tokenize", out, folder, "--split", "test")
    stored = next(iter(data.load_tokens(folder, "test", shuffle=False)))
    np.testing.assert_array_equal(stored, next(iter(codes)))

    recipe.write_text(PRIOR.format(folder=tones, run=out))
    prior = tmp_path / "prior"
    cli("train", recipe, "--out", prior)
    assert (prior / "samples" / "epoch_0001.png").exists()
    assert "Wrote 2 recordings" in cli("generate", prior, "--num", 2)
    clip, rate = soundfile.read(prior / "samples" / "01_sample.wav")
    assert (rate, clip.shape) == (RATE, (400,))


def test_audio_needs_its_sample_rate(refused, recipe, tmp_path):
    text = recipe.read_text()
    recipe.write_text(text.replace("batch_size = 8\nsample_rate = 1000", ""))
    message = refused("train", recipe, "--out", tmp_path / "run")
    assert "data.sample_rate" in message
    assert not (tmp_path / "run").exists()
