from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import check_int
from keras_vq.checks import checked
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_likelihood


@checked
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
    downsampling: int | tuple[int, ...] = 4,
    likelihood: str | Likelihood = "bernoulli",
    data_variance: float | None = None,
    seed: int | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    encoder: str | keras.layers.Layer | None = None,
    decoder: str | keras.layers.Layer | None = None,
    dtype: str | None = None,
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
        beta: float >= 0, weight of the KL divergence. Defaults to 1.0.
        beta_warmup_steps, free_bits, seed: `warmup_steps`, `free_bits` and
            `seed` of `keras_vq.layers.GaussianBottleneck`.
        network, hidden_dim, num_residual_layers, residual_hidden_dim,
            downsampling: Arguments of the networks; see
            `keras_vq.networks.encoder_decoder`.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"bernoulli"`.
        data_variance: float > 0 or None, divides the squared error of the
            likelihood `"mse"`. Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        encoder, decoder: `keras.Model`, layer or path of a `.keras` file that
            replaces the default; see `keras_vq.models.CVAE`. Default to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.CVAE`.

    Returns:
        A compiled `keras_vq.models.CVAE`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.cvae((28, 28, 1), latent_dim=8, network="mlp")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> history = model.fit(images, np.arange(16) % 10, verbose=0)
    >>> model.generate(2, labels=7, seed=0).shape
    (2, 28, 28, 1)

    References:
        Sohn et al., Learning Structured Output Representation using Deep
        Conditional Generative Models, 2015.
    """
    check_int("num_classes", num_classes)
    likelihood = make_likelihood(likelihood, data_variance, input_shape)
    bottleneck = layers.GaussianBottleneck(
        latent_dim,
        kl_weight=beta,
        warmup_steps=beta_warmup_steps,
        free_bits=free_bits,
        sample_at_inference=True,
        seed=seed,
    )
    *size, channels = input_shape
    plain_encoder, plain_decoder = networks.encoder_decoder(
        network,
        (*size, channels + 1),
        latent_dim=2 * latent_dim,
        encoder_dim=2 * latent_dim,
        decoder_dim=likelihood.num_parameters(channels),
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        dtype=dtype,
    )
    model = models.CVAE(
        load_part(encoder, "encoder")
        or networks.conditional_encoder(plain_encoder, num_classes),
        bottleneck,
        load_part(decoder, "decoder")
        or networks.conditional_decoder(plain_decoder, num_classes, latent_dim),
        num_classes=num_classes,
        prior=prior,
        likelihood=likelihood,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
