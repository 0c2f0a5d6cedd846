import numpy as np
import pytest

from keras_vq import layers
from keras_vq import networks
from tests.helpers import perturbed
from tests.helpers import to_numpy


def test_a_period_sees_every_pth_sample(rng):
    network = perturbed(
        networks.multi_period_discriminator((90, 1), (3, 7), hidden_dim=1)
    )
    x = rng.normal(size=(1, 90, 1)).astype("float32")
    changed = x.copy()
    changed[0, 31] += 1.0
    for period, maps, others in zip(
        (3, 7), network(x), network(changed), strict=True
    ):
        assert len(maps) == 6
        for features, other in zip(maps, others, strict=True):
            difference = np.abs(to_numpy(features) - to_numpy(other))
            columns = difference.max(axis=(0, 1, 3))
            assert len(columns) == period
            assert set(np.flatnonzero(columns > 0)) <= {31 % period}


def test_spectra(rng):
    x = rng.normal(size=(2, 200, 2)).astype("float32")
    frames = to_numpy(layers.FourierFrames(64)(x))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    for channel in range(2):
        part = x[1, 48:112, channel]  # the frame centred on sample 80
        expected = np.fft.rfft(part * window) / np.linalg.norm(window)
        found = frames[1, 5, :, channel] + 1j * frames[1, 5, :, 2 + channel]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_all_discriminators_return_features_and_logits():
    network = networks.audio_discriminator((200, 1), (2,), (32,), 2)
    maps = network(np.zeros((2, 200, 1)))
    assert [len(each) for each in maps] == [6, 6]
    assert all(each[-1].shape[-1] == 1 for each in maps)
    assert maps[-1][0].shape == (2, 26, 17, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"periods": (1, 2)}, "periods=1"),
        ({"periods": (2, 300)}, r"from 2 to 200.*periods=300"),
        ({"frame_lengths": (30,)}, "frame_length=30"),
        ({"frame_lengths": (400,)}, r"from 4 to 399.*frame_lengths=400"),
        ({"hidden_dim": 0}, "hidden_dim=0"),
        ({"input_shape": (8, 8, 1)}, "input_shape"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        networks.audio_discriminator(
            **{
                "input_shape": (200, 1),
                "periods": (2,),
                "frame_lengths": (32,),
                "hidden_dim": 1,
                **arguments,
            }
        )
