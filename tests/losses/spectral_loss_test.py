import numpy as np
import pytest

from keras_vq.losses import SpectralLoss
from tests.helpers import to_numpy


def sine(amplitude):
    times = np.arange(1000) / 1000
    return (amplitude * np.sin(2 * np.pi * 100 * times))[None, :, None]


def test_magnitudes_below_the_floor_are_equal():
    """A sine of amplitude a has magnitudes up to a / 4 * 64."""
    silence = np.zeros((1, 1000, 1), "float32")
    loss = SpectralLoss(1000, (64,), (5,), stft_weight=1.0, floor=0.1)
    assert to_numpy(loss(sine(0.001), silence))[0] == 0
    assert to_numpy(loss(sine(0.1), silence))[0] > 0.1
    lower = SpectralLoss(1000, (64,), (5,), stft_weight=1.0, floor=1e-3)
    assert to_numpy(lower(sine(0.001), silence))[0] > 0.1
    with pytest.raises(ValueError, match="floor=0"):
        SpectralLoss(1000, floor=0)
