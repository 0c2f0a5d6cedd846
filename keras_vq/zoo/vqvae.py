from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.quantizers import make_quantizer


def vqvae(
    input_shape: tuple[int, ...] = (32, 32, 3),
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
    quantizer: str | layers.Quantizer | None = None,
    **kwargs: Any,
) -> models.VQVAE:
    """A VQ-VAE, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(32, 32, 3)`.
        num_embeddings: int >= 2, number of codes, K. Defaults to 512.
        embedding_dim: int >= 1, length of a code, D. Defaults to 64.
        commitment_cost: float >= 0, the paper's beta. Defaults to 0.25.
        hidden_dim: int, channels of the convolutions. Defaults to 128.
        num_residual_layers: int, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two that divides each size of the input.
            Defaults to 4.
        upsampling: `"transposed"` or `"subpixel"`, the decoder's upsampling
            convolution. Defaults to `"transposed"`.
        ema_decay: float in (0, 1), decay of the codebook's moving averages;
            None for a codebook learned by gradient. Defaults to 0.99.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name; for others
            than `"mse"` the logs have `bits_per_dim`. Defaults to `"mse"`.
        data_variance: float > 0 or None, divides the mean squared error.
            Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        quantizer: A quantizer of `keras_vq.layers`; the name of one, such as
            `"finite_scalar_quantizer"`, made of the numbers above; or None for
            one with a codebook learned as `ema_decay` says. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras_vq.models.VQVAE`.

    Returns:
        A compiled `keras_vq.models.VQVAE`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.vqvae(input_shape=(28, 28, 1), num_embeddings=128)
    >>> images = np.random.uniform(size=(16, 28, 28, 1))
    >>> history = model.fit(images, verbose=0)
    >>> model.predict(images, verbose=0).shape
    (16, 28, 28, 1)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017.
    """
    quantizer = make_quantizer(
        quantizer, num_embeddings, embedding_dim, commitment_cost, ema_decay
    )
    model = models.VQVAE(
        input_shape,
        quantizer,
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
