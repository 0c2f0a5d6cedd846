import math
from typing import Any

from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import check_input_shape
from keras_vq.checks import check_number
from keras_vq.checks import checked
from keras_vq.losses import Adversary
from keras_vq.losses import SpectralLoss
from keras_vq.zoo.parts import compile_adversarial

# Samples of the frames of the spectral loss, and its mel bands.
_FRAMES = {32: 5, 64: 10, 128: 20, 256: 40, 512: 80, 1024: 160, 2048: 320}
# Of the discriminators.
_PERIODS = (2, 3, 5, 7, 11)
_STFT_FRAMES = (2048, 1024, 512)


@checked
def audio_codec(
    input_shape: tuple[int, int] = (16000, 1),
    sample_rate: int = 16000,
    num_embeddings: int = 1024,
    code_dim: int = 8,
    num_stages: int = 8,
    stage_dropout: float = 0.5,
    stage_strides: tuple[int, ...] | None = None,
    commitment_cost: float = 1e-3,
    embedding_dim: int = 128,
    hidden_dim: int = 32,
    strides: tuple[int, ...] = (2, 4, 5, 8),
    dilations: tuple[int, ...] = (1, 3, 9),
    activation: str = "snake",
    is_causal: bool = True,
    spectral_weight: float = 0.01,
    stft_weight: float = 0.0,
    disc_weight: float = 0.0,
    disc_start: int = 0,
    disc_hidden_dim: int = 32,
    feature_weight: float = 1.0,
    learning_rate: float | LearningRateSchedule = 3e-4,
    quantizer: layers.Quantizer | None = None,
    adversary: Adversary | None = None,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> models.VQGAN:
    """A neural audio codec, built and compiled with Adam.

    A VQGAN of audio: strided convolutions, a residual quantizer of factorized
    codes, a spectral loss beside the absolute error of the waveform, and, with
    `disc_weight`, discriminators of periods and spectra.
    `decode(codes[..., :n])` decodes the first n stages: fewer bits, a coarser
    sound. `stream()` goes chunk by chunk.

    Args:
        input_shape: tuple `(time, channels)` of a clip in [-1, 1]; the product
            of the strides must divide the time. Defaults to `(16000, 1)`.
        sample_rate: int, samples per second. Defaults to 16000.
        num_embeddings: int >= 2, codes of each stage, K. Defaults to 1024.
        code_dim: int >= 1, length of a code, compared by its direction.
            Defaults to 8.
        num_stages: int >= 2, codes per vector. Defaults to 8.
        stage_dropout: float in [0, 1], share of the training clips that use a
            random number of stages. Defaults to 0.5.
        stage_strides: tuple with an int for each stage, vectors that share a
            code there, such as `(4, 2, 1)`: coarse stages at a lower rate; see
            `keras_vq.layers.ResidualVectorQuantizer`. Defaults to None.
        commitment_cost: float >= 0, the VQ-VAE's beta. Small, like the
            absolute error of a quiet waveform. Defaults to 1e-3.
        embedding_dim: int >= 1, length of the vectors between the networks and
            the quantizer. Defaults to 128.
        hidden_dim, strides, dilations, activation, is_causal: Arguments of the
            networks; see `keras_vq.networks.codec_encoder`.
        spectral_weight: float >= 0, weight of the spectral loss; a large one
            leaves the phase unlearned for long. Defaults to 0.01.
        stft_weight: float >= 0, of `keras_vq.losses.SpectralLoss`. Defaults to
            0.0, mel spectrograms alone.
        disc_weight: float >= 0, weight of the generator's loss; 0 trains
            without an adversary, several times as fast. Defaults to 0.0.
        disc_start: int >= 0, steps before adversarial training starts.
            Defaults to 0.
        disc_hidden_dim: int >= 1, `hidden_dim` of
            `keras_vq.networks.audio_discriminator`. Defaults to 32.
        feature_weight: float >= 0, weight of the discriminators' features; see
            `keras_vq.losses.Adversary`. Defaults to 1.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 3e-4.
        quantizer: A quantizer of `keras_vq.layers` that replaces the default.
            Defaults to None.
        adversary: A `keras_vq.losses.Adversary` that replaces the default.
            Defaults to None.
        seed: int or None, seed of the dropout of stages. Defaults to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.VQGAN`.

    Returns:
        A compiled `keras_vq.models.VQGAN`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> codec = keras_vq.zoo.audio_codec(
    ...     (800, 1), 8000, num_embeddings=16, num_stages=2, hidden_dim=4,
    ...     embedding_dim=8, strides=(4, 10), dilations=(1,))
    >>> clips = np.random.uniform(-0.5, 0.5, size=(4, 800, 1))
    >>> history = codec.fit(clips, verbose=0)
    >>> codes = codec.encode(clips)
    >>> codes.shape, codec.decode(codes).shape
    ((4, 20, 2), (4, 800, 1))

    References:
        Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021.
        Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN,
        2023.
    """
    input_shape = check_input_shape(input_shape)
    check_number("spectral_weight", spectral_weight, at_least=0)
    check_number("disc_weight", disc_weight, at_least=0)
    if quantizer is None:
        stage = layers.ProjectedQuantizer(
            layers.VectorQuantizerEMA(
                num_embeddings,
                code_dim,
                commitment_cost,
                decay_warmup=True,
                seed=seed,
                distance="cosine",
            ),
            embedding_dim,
        )
        quantizer = layers.ResidualVectorQuantizer(
            stage,
            num_stages,
            dropout=stage_dropout,
            seed=seed,
            strides=stage_strides,
        )
    sizes: dict[str, Any] = {
        "hidden_dim": hidden_dim,
        "strides": strides,
        "dilations": dilations,
        "activation": activation,
        "is_causal": is_causal,
        "dtype": dtype,
    }
    dim = quantizer.embedding_dim
    encoder = networks.codec_encoder(input_shape, dim, **sizes)
    grid = (input_shape[0] // math.prod(strides), dim)
    decoder = networks.codec_decoder(grid, input_shape[-1], **sizes)
    spectral_loss = None
    if spectral_weight > 0:
        frames = {n: _FRAMES[n] for n in _fitting(_FRAMES, input_shape)}
        spectral_loss = SpectralLoss(
            sample_rate,
            tuple(frames),
            tuple(frames.values()),
            stft_weight,
            spectral_weight,
        )
    if adversary is None and disc_weight > 0:
        discriminator = networks.audio_discriminator(
            input_shape,
            tuple(p for p in _PERIODS if p <= input_shape[0]),
            _fitting(_STFT_FRAMES, input_shape),
            disc_hidden_dim,
            dtype,
        )
        adversary = Adversary(
            discriminator, disc_weight, feature_weight, disc_start
        )
    model = models.VQGAN(
        encoder,
        quantizer,
        decoder,
        perceptual_loss=spectral_loss,
        adversary=adversary,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    compile_adversarial(model, learning_rate)
    return model


def _fitting(frame_lengths, input_shape):
    """The frame lengths of which half is shorter than a clip, if any."""
    time = input_shape[0]
    fitting = tuple(n for n in frame_lengths if n < 2 * time)
    if not fitting:
        raise ValueError(
            f"Spectra of at least {min(frame_lengths)} samples need longer "
            f"clips. Received: input_shape={input_shape}. Set "
            "spectral_weight=0 and disc_weight=0 to do without."
        )
    return fitting
