from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.quantizers import make_quantizer


def vqvae2(
    input_shape: tuple[int, ...] = (32, 32, 3),
    num_levels: int = 2,
    num_embeddings: int = 512,
    embedding_dim: int = 64,
    commitment_cost: float = 0.25,
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int = 4,
    upsampling: str = "transposed",
    ema_decay: float | None = 0.99,
    likelihood: str | Likelihood = "mse",
    data_variance: float | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    quantizers: str | list[layers.Quantizer] | None = None,
    **kwargs: Any,
) -> models.VQVAE2:
    """A VQ-VAE-2, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(32, 32, 3)`.
        num_levels: int >= 2, grids of codes, each half as fine as the next.
            Defaults to 2.
        num_embeddings: int >= 2, number of codes of each level, K. Defaults to
            512.
        embedding_dim: int >= 1, length of a code, D. Defaults to 64.
        commitment_cost: float >= 0, the paper's beta. Defaults to 0.25.
        hidden_dim: int, channels of the convolutions. Defaults to 128.
        num_residual_layers: int, residual blocks in each encoder and decoder.
            Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two, ratio of the input's size to that
            of the finest grid. Defaults to 4.
        upsampling: `"transposed"` or `"subpixel"`, the decoders' upsampling
            convolution. Defaults to `"transposed"`.
        ema_decay: float in (0, 1), decay of the codebooks' moving averages;
            None for codebooks learned by gradient. Defaults to 0.99.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name; for others
            than `"mse"` the logs have `bits_per_dim`. Defaults to `"mse"`.
        data_variance: float > 0 or None, divides the mean squared error.
            Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        quantizers: list of quantizers of `keras_vq.layers`, coarsest level
            first; the name of one, such as `"finite_scalar_quantizer"`, made of
            the numbers above for each of `num_levels`; or None for those with
            codebooks learned as `ema_decay` says. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras_vq.models.VQVAE2`.

    Returns:
        A compiled `keras_vq.models.VQVAE2`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.vqvae2(input_shape=(32, 32, 3), num_levels=3)
    >>> images = np.random.uniform(size=(16, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.code_shape
    ((2, 2), (4, 4), (8, 8))

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019.
    """
    if quantizers is None or isinstance(quantizers, str):
        numbers = (
            num_embeddings,
            embedding_dim,
            commitment_cost,
            ema_decay,
        )
        name = quantizers
        quantizers = [make_quantizer(name, *numbers) for _ in range(num_levels)]
    model = models.VQVAE2(
        input_shape,
        quantizers,
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        upsampling=upsampling,
        likelihood=likelihood,
        data_variance=data_variance,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
