"""SI-SDR, log-spectral and mel distance against NumPy and SciPy."""

import keras
import numpy as np
import pytest
import scipy.signal

from keras_vq import losses
from keras_vq import metrics
from keras_vq import ops as vq_ops
from tests.helpers import run
from tests.helpers import to_numpy

RATE = 800


@pytest.fixture
def pair(rng):
    x = rng.normal(size=(3, 200, 2)).astype("float32")
    noise = rng.normal(size=x.shape) * np.array([0.1, 0.5, 2])[:, None, None]
    return x, (x + noise).astype("float32")


def frames(x, length):
    """Magnitudes `(batch, channels, frames, bins)`, by SciPy's transforms."""
    window = scipy.signal.get_window("hann", length)
    padding = [(0, 0), (length // 2, length // 2), (0, 0)]
    padded = np.pad(x, padding, mode="reflect")
    starts = range(0, padded.shape[1] - length + 1, length // 4)
    cut = np.stack([padded[:, i : i + length] for i in starts], axis=1)
    spectrum = np.fft.rfft(cut * window[:, None], axis=2)
    return np.abs(spectrum).transpose(0, 3, 1, 2)


def result(metric, x, y):
    for part in (slice(0, 2), slice(2, 3)):
        metric.update_state(x[part], y[part])
    return float(metric.result())


def test_spectrogram(pair):
    x, _ = pair
    found = run(lambda x: vq_ops.spectrogram(x, 32), x)
    np.testing.assert_allclose(found, frames(x, 32), atol=1e-4)


def test_mel_bands_cover_all_frequencies_ever_wider():
    weights = vq_ops.mel_matrix(8000, 512, 20)
    assert weights.shape == (257, 20)
    centres = weights.argmax(axis=0)
    assert (np.diff(centres) > 0).all()
    widths = (weights > 0).sum(axis=0)
    assert widths[-1] > 3 * widths[0]
    # Between the first and the last centre, neighbouring bands add up to 1.
    total = weights.sum(axis=1)[centres[0] + 1 : centres[-1]]
    np.testing.assert_allclose(total, 1, atol=1e-4)


def test_si_sdr(pair):
    x, y = pair
    expected = []
    for a, b in zip(x, y, strict=True):
        a, b = a - a.mean(), b - b.mean()
        signal = np.sum(a * b) / np.sum(a * a) * a
        ratio = np.sum(signal**2) / np.sum((b - signal) ** 2)
        expected.append(10 * np.log10(ratio))
    found = result(metrics.SISDR(), x, y)
    assert found == pytest.approx(np.mean(expected), abs=1e-3)
    assert result(metrics.SISDR(), x, 3 * y + 1) == pytest.approx(
        found, abs=1e-3
    )
    assert result(metrics.SISDR(), x, x) == pytest.approx(100, abs=10)
    assert np.isfinite(result(metrics.SISDR(), 0 * x, 0 * x))


def test_log_spectral_distance(pair):
    x, y = pair
    decibels = [20 * np.log10(frames(z, 32)) for z in (x, y)]
    square = np.square(decibels[0] - decibels[1])
    expected = np.sqrt(square.mean(axis=-1)).mean()
    found = result(metrics.LogSpectralDistance(32), x, y)
    assert found == pytest.approx(expected, rel=1e-3)


def test_mel_distance(pair):
    x, y = pair
    weights = vq_ops.mel_matrix(RATE, 32, 6)
    bands = [np.log10(np.maximum(frames(z, 32) @ weights, 1e-5)) for z in pair]
    expected = np.abs(bands[0] - bands[1]).mean()
    found = result(metrics.MelDistance(RATE, 32, 6), x, y)
    assert found == pytest.approx(expected, rel=1e-3)


def test_spectral_loss_is_the_mean_over_scales_and_has_gradients(pair):
    x, y = pair
    parts = [
        run(losses.SpectralLoss(RATE, (n,), (k,)), x, y)
        for n, k in ((16, 4), (64, 8))
    ]
    both = losses.SpectralLoss(RATE, (16, 64), (4, 8))
    np.testing.assert_allclose(run(both, x, y), np.mean(parts, 0), rtol=1e-5)
    dense = keras.layers.Dense(2, kernel_initializer="identity")
    dense.build((None, 2))
    inputs = keras.Input((200, 2))
    model = keras.Model(inputs, dense(inputs))
    model.compile(
        keras.optimizers.Adam(0.05),
        lambda a, b: keras.ops.mean(both(a, b)),
    )
    quiet = 0.3 * x
    history = model.fit(quiet, x, epochs=40, batch_size=3, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert np.diag(to_numpy(dense.kernel)).min() > 1.5
    with_stft = losses.SpectralLoss(RATE, (32,), (6,), stft_weight=0.5)
    logs = [np.log10(np.maximum(frames(each, 32), 1e-2)) for each in (x, y)]
    stft = np.abs(logs[0] - logs[1]).mean(axis=(1, 2, 3))
    mel = run(losses.SpectralLoss(RATE, (32,), (6,)), x, y)
    np.testing.assert_allclose(
        run(with_stft, x, y), mel + 0.5 * stft, rtol=1e-3
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.SpectralLoss(0), "sample_rate=0"),
        (lambda: losses.SpectralLoss(8, stft_weight=-1), "stft_weight=-1"),
        (lambda: losses.SpectralLoss(800, (30,), (4,)), "multiples of 4"),
        (lambda: losses.SpectralLoss(800, (32,), (4, 8)), "as many scales"),
        (lambda: losses.SpectralLoss(800, (32.0,), (4,)), "frame_lengths=32.0"),
        (lambda: metrics.LogSpectralDistance(6), "multiple of 4"),
        (lambda: metrics.MelDistance(800, 0), "frame_lengths=0"),
        (
            lambda: vq_ops.spectrogram(np.zeros((1, 16, 1)), 32),
            "16 samples and frame_length=32",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
