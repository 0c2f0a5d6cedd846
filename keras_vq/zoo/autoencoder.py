from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq.checks import checked
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_likelihood


@checked
def autoencoder(
    input_shape: tuple[int, ...] = (32, 32, 3),
    latent_dim: int = 32,
    network: str = "residual_cnn",
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int | tuple[int, ...] = 4,
    likelihood: str | Likelihood = "mse",
    data_variance: float | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    encoder: str | keras.layers.Layer | None = None,
    decoder: str | keras.layers.Layer | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> models.Autoencoder:
    """An autoencoder, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(32, 32, 3)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
        network, hidden_dim, num_residual_layers, residual_hidden_dim,
            downsampling: Arguments of the networks; see
            `keras_vq.networks.encoder_decoder`.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`.
        data_variance: float > 0 or None, divides the squared error of the
            likelihood `"mse"`. Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        encoder, decoder: `keras.Model`, layer or path of a `.keras` file that
            replaces the default; see `keras_vq.models.Autoencoder`. Default to
            None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.Autoencoder`.

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
    likelihood = make_likelihood(likelihood, data_variance, input_shape)
    ours = networks.encoder_decoder(
        network,
        input_shape,
        latent_dim=latent_dim,
        encoder_dim=latent_dim,
        decoder_dim=likelihood.num_parameters(input_shape[-1]),
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        dtype=dtype,
    )
    model = models.Autoencoder(
        load_part(encoder, "encoder") or ours[0],
        load_part(decoder, "decoder") or ours[1],
        likelihood=likelihood,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
