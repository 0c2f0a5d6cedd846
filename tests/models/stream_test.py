import numpy as np
import pytest

from keras_vq import models
from keras_vq import zoo
from tests.helpers import perturbed

SMALL = {
    "num_embeddings": 16,
    "code_dim": 2,
    "num_stages": 3,
    "hidden_dim": 4,
    "embedding_dim": 8,
    "strides": (2, 5),
    "dilations": (1, 3),
    "spectral_weight": 0.0,
    "seed": 0,
}

# Of sums in another order; a sample of another context differs by more.
TOLERANCE = 2e-3


@pytest.fixture(scope="module")
def codec():
    return perturbed(zoo.audio_codec((1000, 1), 1000, **SMALL))


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return rng.uniform(-0.5, 0.5, size=(2, 1000, 1)).astype("float32")


def chunks(x, length):
    return (x[:, i : i + length] for i in range(0, x.shape[1], length))


@pytest.mark.parametrize("frames", [1, 7, 50])
def test_chunks_equal_the_whole(codec, clips, frames):
    whole = codec.encode(clips)
    assert len(np.unique(whole)) > 4
    stream = codec.stream(batch_size=2)
    codes = [stream.encode(chunk) for chunk in chunks(clips, 10 * frames)]
    np.testing.assert_array_equal(np.concatenate(codes, axis=1), whole)
    audio = [stream.decode(each) for each in codes]
    np.testing.assert_allclose(
        np.concatenate(audio, axis=1), codec.decode(whole), atol=TOLERANCE
    )


def test_a_stream_goes_on_for_longer_than_a_clip_and_starts_again(codec, clips):
    stream = codec.stream()
    first = stream.encode(clips[:1])
    second = stream.encode(clips[:1])
    assert (second[:, :3] != first[:, :3]).any()
    stream.reset()
    np.testing.assert_array_equal(stream.encode(clips[:1]), first)


def test_first_stages(codec, clips):
    codes = codec.encode(clips[:1])[..., :2]
    stream = codec.stream()
    found = [stream.decode(each) for each in chunks(codes, 25)]
    np.testing.assert_allclose(
        np.concatenate(found, axis=1), codec.decode(codes), atol=TOLERANCE
    )


def test_networks_that_cannot_stream():
    centred = zoo.audio_codec((1000, 1), 1000, is_causal=False, **SMALL)
    with pytest.raises(ValueError, match=r"is_causal=True.* in the encoder"):
        centred.stream()
    with pytest.raises(ValueError, match=r"Pixels .* no networks to stream"):
        models.Pixels((8, 1)).stream()
    with pytest.raises(ValueError, match=r"of audio.*\(8, 8, 1\)"):
        zoo.vqvae((8, 8, 1), hidden_dim=4).stream()
    with pytest.raises(ValueError, match="Sequential as the encoder"):
        zoo.vqvae((64, 1), hidden_dim=4).stream()


@pytest.mark.parametrize(
    ("method", "chunk", "message"),
    [
        ("encode", np.zeros((1, 15, 1)), r"multiple of 10 samples.*\(1, 15, 1"),
        ("encode", np.zeros((2, 10, 1)), r"\(1, time, 1\)"),
        ("encode", np.zeros((1, 0, 1)), r"\(1, 0, 1\)"),
        ("encode", np.full((1, 10, 1), np.nan), "10 NaN"),
        ("decode", np.zeros((1, 2, 3)), "integer indices"),
        ("decode", np.full((1, 2, 3), 16), "codes 0 to 15"),
        ("decode", np.zeros((1, 2, 4), int), r"\(None, 2, 3\)"),
        ("decode", np.zeros((2, 2, 3), int), "1 rows"),
        ("decode", 3, "1 rows"),
    ],
)
def test_bad_chunks(codec, method, chunk, message):
    with pytest.raises(ValueError, match=message):
        getattr(models.Stream(codec), method)(chunk)


def test_bad_batch_size(codec):
    with pytest.raises(ValueError, match="batch_size=0"):
        codec.stream(0)
