from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq.likelihoods import Likelihood


def cvae(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    latent_dim: int = 32,
    prior: str = "learned",
    beta: float = 1.0,
    beta_warmup_steps: int = 0,
    free_bits: float = 0.0,
    network: str = "residual_cnn",
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int = 4,
    likelihood: str | Likelihood = "bernoulli",
    data_variance: float | None = None,
    seed: int | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    **kwargs: Any,
) -> models.CVAE:
    """A conditional variational autoencoder, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(28, 28, 1)`.
        num_classes: int >= 1, number of classes. Defaults to 10.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
        prior: `"learned"`, a Gaussian for each class, or `"standard"`, a
            standard normal for all. Defaults to `"learned"`.
        beta: float >= 0, weight of the KL term. Defaults to 1.0.
        beta_warmup_steps: int >= 0, training steps over which that weight
            rises from 0. Defaults to 0.
        free_bits: float >= 0, nats of each latent dimension that the KL term
            does not punish. Defaults to 0.0.
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
            to `"bernoulli"`.
        data_variance: float > 0 or None, divides the squared error of the
            likelihood `"mse"`. Defaults to None.
        seed: int or None, of the noise in training. Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        **kwargs: `name`, `dtype` and others of `keras_vq.models.CVAE`.

    Returns:
        A compiled `keras_vq.models.CVAE`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.cvae((28, 28, 1), latent_dim=8, network="mlp")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> history = model.fit(images, np.arange(16) % 10, verbose=0)
    >>> model.generate(labels=[7, 7], seed=0).shape
    (2, 28, 28, 1)

    References:
        Sohn et al., Learning Structured Output Representation using Deep
        Conditional Generative Models, 2015.
    """
    model = models.CVAE(
        input_shape,
        num_classes=num_classes,
        latent_dim=latent_dim,
        prior=prior,
        beta=beta,
        beta_warmup_steps=beta_warmup_steps,
        free_bits=free_bits,
        network=network,
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        likelihood=likelihood,
        data_variance=data_variance,
        seed=seed,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
