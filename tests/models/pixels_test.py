import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import data
from keras_vq import models
from keras_vq import zoo
from keras_vq.priors import LogisticMixtureHead
from tests.helpers import run
from tests.reference import autoregressive


def test_codes_are_levels(rng):
    images = rng.integers(256, size=(2, 4, 3, 3), dtype="uint8")
    pixels = models.Pixels((4, 3, 3))
    np.testing.assert_array_equal(pixels.encode(images), images)
    np.testing.assert_allclose(pixels.predict(images, verbose=0), images / 255)
    sound = models.Pixels((4, 1), num_embeddings=3)
    codes = sound.encode(np.array([[[-1.0], [-0.4], [0.1], [0.9]]]))
    assert codes.tolist() == [[0, 1, 1, 2]]
    assert sound.decode(codes)[0, :, 0].tolist() == [-1.0, 0.0, 0.0, 1.0]
    assert (pixels.codes_per_position, sound.codes_per_position) == (3, 1)
    assert (pixels.code_shape, sound.code_shape) == ((4, 3, 3), (4,))


def test_mu_law(rng):
    sound = models.Pixels((5, 1), mu_law=True)
    x = np.array([[-1.0, -0.1, 0.0, 0.001, 0.9]])[..., None]
    companded = np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)
    expected = np.round((companded + 1) * 127.5).astype(int)[..., 0]
    codes = sound.encode(x)
    np.testing.assert_array_equal(codes, expected)
    # Levels are closer together near 0.
    np.testing.assert_allclose(sound.decode(codes), x, rtol=0.02, atol=2e-4)
    linear = models.Pixels((5, 1))
    assert sound.fingerprint() != linear.fingerprint()
    with pytest.raises(ValueError, match=r"for audio.*\(4, 4, 1\)"):
        models.Pixels((4, 4, 1), mu_law=True)


def test_samples_are_decoded_from_codes(rng):
    """A WaveNet as the decoder of another tokenizer's codes."""
    sound = models.Pixels((16, 1), mu_law=True)
    codec = zoo.vqvae((16, 1), num_embeddings=8, hidden_dim=4)
    decoder = zoo.wavenet(
        sound,
        codec,
        num_classes=3,
        hidden_dim=8,
        skip_dim=8,
        num_stacks=1,
        num_layers=2,
    )
    assert decoder.condition_shape == codec.code_shape == (4,)
    clips = rng.uniform(-1, 1, size=(2, 16, 1)).astype("float32")
    labels = np.array([0, 2])
    codes = (sound.encode(clips), codec.encode(clips))
    decoder.fit(codes, labels, verbose=0)
    generator = LatentGenerator(sound, decoder, codec)
    found = generator.generate(2, labels=labels, condition=clips, seed=0)
    assert found.shape == clips.shape


def test_there_is_nothing_to_train(rng):
    pixels = models.Pixels((4, 4, 1))
    pixels.compile("adam")
    with pytest.raises(TypeError, match="Train a prior on its codes"):
        pixels.fit(rng.uniform(size=(2, 4, 4, 1)), verbose=0)
    with pytest.raises(ValueError, match="`num_embeddings` must be"):
        models.Pixels((4, 4, 1), num_embeddings=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_logits_of_the_mixture_are_its_likelihood(channels, rng):
    head = LogisticMixtureHead(6, channels)
    features = rng.normal(size=(4, 2, 6)).astype("float32")
    size = (4, 2) if channels == 1 else (4, 2, channels)
    codes = rng.integers(256, size=size, dtype="int32")
    logits = run(head, features, codes).astype("float64")
    np.testing.assert_allclose(np.exp(logits).sum(axis=-1), 1.0, atol=1e-4)
    log_p = np.take_along_axis(logits, codes[..., None], axis=-1)[..., 0]
    log_p = log_p if channels == 1 else log_p.sum(axis=-1)
    nats = run(head.nats, features, codes, variables=head.variables)
    np.testing.assert_allclose(nats, -log_p, rtol=1e-4)


def test_a_pixelcnn_draws_and_redraws_colors():
    pixels = models.Pixels((2, 2, 3))
    prior = zoo.pixelcnn(
        pixels, hidden_dim=8, num_layers=2, output="logistic_mixture"
    )
    generator = LatentGenerator(pixels, prior)
    images = generator.generate(3, seed=4)
    codes = pixels.encode(images)
    np.testing.assert_allclose(images, codes / 255, atol=1e-6)
    # Of 256 levels, rounding may take a neighbor.
    expected = autoregressive.choices(run(prior, codes), 4)
    assert np.abs(codes - expected).max() <= 1
    mask = np.array([[False, False], [False, True]])
    kept = generator.inpaint(images, mask, seed=1)
    np.testing.assert_allclose(kept[:, 0], images[:, 0], atol=1e-6)
    assert (kept[:, 1, 1] != images[:, 1, 1]).any()


def test_a_prior_learns_the_pixels_of_real_digits(real_data_dir):
    digits = data.load(
        "mnist",
        "train[:64]",
        64,
        image_size=14,
        labels=True,
        data_dir=real_data_dir,
    )
    ((images, labels),) = digits.as_numpy_iterator()
    pixels = models.Pixels((14, 14, 1))
    prior = zoo.pixelcnn(
        pixels,
        num_classes=10,
        hidden_dim=16,
        num_layers=2,
        first_kernel_size=3,
        output="logistic_mixture",
        learning_rate=keras.optimizers.schedules.CosineDecay(0.02, 40),
    )
    codes = pixels.encode(images)
    log = prior.fit(codes, labels, batch_size=32, epochs=20, verbose=0).history
    # Bits of a pixel by how often each level occurs, wherever it is.
    share = np.bincount(codes.ravel(), minlength=256) / codes.size
    bits = -np.sum(share * np.log2(np.maximum(share, 1e-12)))
    assert log["bits_per_dim"][0] > bits
    assert log["bits_per_dim"][-1] < bits
