from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import checked
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_likelihood


@checked
def vae(
    input_shape: tuple[int, ...] = (28, 28, 1),
    latent_dim: int = 32,
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
) -> models.VAE:
    """A variational autoencoder, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(28, 28, 1)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 32.
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
            replaces the default; see `keras_vq.models.VAE`. Default to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.VAE`.

    Returns:
        A compiled `keras_vq.models.VAE`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.vae((28, 28, 1), latent_dim=8, network="mlp")
    >>> images = np.random.randint(2, size=(16, 28, 28, 1)).astype("float32")
    >>> history = model.fit(images, verbose=0)
    >>> model.generate(4, seed=0).shape
    (4, 28, 28, 1)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2013.
    """
    likelihood = make_likelihood(likelihood, data_variance, input_shape)
    bottleneck = layers.GaussianBottleneck(
        latent_dim,
        kl_weight=beta,
        warmup_steps=beta_warmup_steps,
        free_bits=free_bits,
        sample_at_inference=True,
        seed=seed,
    )
    ours = networks.encoder_decoder(
        network,
        input_shape,
        latent_dim=latent_dim,
        encoder_dim=2 * latent_dim,
        decoder_dim=likelihood.num_parameters(input_shape[-1]),
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        dtype=dtype,
    )
    model = models.VAE(
        load_part(encoder, "encoder") or ours[0],
        bottleneck,
        load_part(decoder, "decoder") or ours[1],
        likelihood=likelihood,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
