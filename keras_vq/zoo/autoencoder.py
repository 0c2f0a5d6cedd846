from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq.likelihoods import Likelihood


def autoencoder(
    input_shape: tuple[int, ...] = (32, 32, 3),
    latent_dim: int = 32,
    network: str = "residual_cnn",
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int = 4,
    likelihood: str | Likelihood = "mse",
    data_variance: float | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    **kwargs: Any,
) -> models.Autoencoder:
    """An autoencoder, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(32, 32, 3)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
        network: `"residual_cnn"`, `"spatial_residual_cnn"` or `"mlp"`, see
            `keras_vq.models.Autoencoder`. Defaults to `"residual_cnn"`.
        hidden_dim: int, channels of the convolutions, width of the layers.
            Defaults to 128.
        num_residual_layers: int, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block. Defaults
            to 32.
        downsampling: int, a power of two that divides each size of the input.
            Defaults to 4.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`.
        data_variance: float > 0 or None, divides the mean squared error.
            Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        **kwargs: `name`, `dtype` and others of `keras_vq.models.Autoencoder`.

    Returns:
        A compiled `keras_vq.models.Autoencoder`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.autoencoder((28, 28, 1), network="mlp")
    >>> images = np.random.uniform(size=(16, 28, 28, 1))
    >>> history = model.fit(images, verbose=0)
    >>> model.decode(model.encode(images)).shape
    (16, 28, 28, 1)

    References:
        Hinton and Salakhutdinov, Reducing the Dimensionality of Data with
        Neural Networks, 2006.
    """
    model = models.Autoencoder(
        input_shape,
        latent_dim=latent_dim,
        network=network,
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        likelihood=likelihood,
        data_variance=data_variance,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
