import math

import keras
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.ops.spectrogram import mel_matrix
from keras_vq.ops.spectrogram import spectrogram
from keras_vq.saving.config import serializable


@serializable
class SpectralLoss(keras.layers.Layer):
    """Distance between recordings by their mel spectrograms at several scales.

    Short frames see when something sounds, long frames at what pitch:

        mean over scales of mean |log10 mel(x) - log10 mel(y)|
            + stft_weight * mean |log10 stft(x) - log10 stft(y)|

    where `stft` are the magnitudes of all frequencies, which `mel` gathers in
    bands as the ear does. It takes the place of a `PerceptualLoss` in models of
    audio.

    Args:
        sample_rate: int, samples per second.
        frame_lengths: tuple of int, multiples of 4, samples of a frame at each
            scale. Defaults to `(32, 64, 128, 256, 512, 1024, 2048)`.
        num_bands: tuple of int, mel bands at each scale. Defaults to `(5, 10,
            20, 40, 80, 160, 320)`.
        stft_weight: float >= 0. Defaults to 0.0, mel spectrograms alone.
        weight: float > 0, weight in the loss of a model. The layer's output is
            not multiplied by it. Defaults to 1.0.
        floor: float > 0, magnitudes below it count as equal. They grow with the
            frame: a sine of amplitude a has about a / 4 times its length. A low
            floor makes silence most of the loss. Defaults to 1e-2.
        **kwargs: Keyword arguments of `keras.layers.Layer`. Computations are in
            float32 under every dtype policy.

    Call arguments:
        x: float tensor `(batch, time, channels)`.
        y: float tensor of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Raises:
        ValueError: If an argument is out of range, or recordings are not longer
            than half of the longest frame.

    Example:

    >>> loss = keras_vq.losses.SpectralLoss(8000, (64, 256), (10, 40))
    >>> x = np.random.default_rng(0).normal(size=(2, 1000, 1))
    >>> keras.ops.convert_to_numpy(loss(x, 0.1 * x)).round(2)
    array([1., 1.], dtype=float32)

    References:
        Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN,
        2023, section 3.4.
    """

    def __init__(
        self,
        sample_rate,
        frame_lengths=(32, 64, 128, 256, 512, 1024, 2048),
        num_bands=(5, 10, 20, 40, 80, 160, 320),
        stft_weight=0.0,
        weight=1.0,
        floor=1e-2,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        self.sample_rate = check_int("sample_rate", sample_rate)
        for name, values in {
            "frame_lengths": frame_lengths,
            "num_bands": num_bands,
        }.items():
            check_type(name, values, (tuple, list), "a tuple of int")
            for value in values:
                check_int(name, value)
        if any(length % 4 for length in frame_lengths):
            raise ValueError(
                "`frame_lengths` must be multiples of 4. Received: "
                f"frame_lengths={tuple(frame_lengths)}"
            )
        if len(frame_lengths) != len(num_bands) or not frame_lengths:
            raise ValueError(
                "`frame_lengths` and `num_bands` must state as many scales. "
                f"Received: {len(frame_lengths)} and {len(num_bands)}"
            )
        self.frame_lengths = tuple(frame_lengths)
        self.num_bands = tuple(num_bands)
        self.stft_weight = check_number("stft_weight", stft_weight, at_least=0)
        self.weight = check_number("weight", weight, above=0)
        self.floor = check_number("floor", floor, above=0)
        self.matrices = tuple(
            mel_matrix(self.sample_rate, length, bands)
            for length, bands in zip(frame_lengths, num_bands, strict=True)
        )
        self.built = True

    def call(self, x, y):
        distances = []
        for length, matrix in zip(
            self.frame_lengths, self.matrices, strict=True
        ):
            both = [spectrogram(each, length) for each in (x, y)]
            mel = [ops.matmul(magnitudes, matrix) for magnitudes in both]
            distances.append(_log_distance(mel, self.floor))
            if self.stft_weight:
                distance = _log_distance(both, self.floor)
                distances.append(self.stft_weight * distance)
        return sum(distances) / len(self.frame_lengths)

    def compute_output_spec(self, x, y):
        return keras.KerasTensor(x.shape[:1], "float32")


def _log_distance(pair, floor):
    """Mean difference of log10 magnitudes, float32 `(batch,)`."""
    x, y = (ops.log(ops.maximum(magnitudes, floor)) for magnitudes in pair)
    return ops.mean(ops.abs(x - y), axis=(1, 2, 3)) / math.log(10.0)
