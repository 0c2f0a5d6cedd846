from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import checked
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.parts import grid_of
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_likelihood
from keras_vq.zoo.parts import make_quantizer


@checked
def vqvae(
    input_shape: tuple[int, ...] = (32, 32, 3),
    num_embeddings: int = 512,
    embedding_dim: int = 64,
    commitment_cost: float = 0.25,
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int | tuple[int, ...] = 4,
    upsampling: str = "transposed",
    is_causal: bool = False,
    ema_decay: float | None = 0.99,
    decay_warmup: bool = True,
    likelihood: str | Likelihood = "mse",
    data_variance: float | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    quantizer: str | layers.Quantizer | None = None,
    encoder: str | keras.layers.Layer | None = None,
    decoder: str | keras.layers.Layer | None = None,
    dtype: str | None = None,
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
        hidden_dim, num_residual_layers, residual_hidden_dim, downsampling,
            upsampling, is_causal: Arguments of the networks; see
            `keras_vq.networks.residual_cnn_encoder` and
            `keras_vq.networks.residual_cnn_decoder`.
        ema_decay: float in (0, 1), decay of the codebook's moving averages;
            None for a codebook trained by gradient. Defaults to 0.99.
        decay_warmup: bool, whether that decay starts low; see
            `keras_vq.layers.VectorQuantizerEMA`. Defaults to True.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`.
        data_variance: float > 0 or None, divides the squared error of the
            likelihood `"mse"`. Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        quantizer: A quantizer of `keras_vq.layers`; the name of one, such as
            `"finite_scalar_quantizer"`, configured by the numbers above; or
            None for a vector quantizer trained according to `ema_decay`.
            Defaults to None.
        encoder, decoder: `keras.Model`, layer or path of a `.keras` file that
            replaces the default; see `keras_vq.models.VQVAE`. Default to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.VQVAE`.

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
    likelihood = make_likelihood(likelihood, data_variance, input_shape)
    quantizer = make_quantizer(
        quantizer,
        num_embeddings,
        embedding_dim,
        commitment_cost,
        ema_decay,
        decay_warmup,
    )
    sizes: dict[str, Any] = {
        "hidden_dim": hidden_dim,
        "num_residual_layers": num_residual_layers,
        "residual_hidden_dim": residual_hidden_dim,
        "downsampling": downsampling,
        "is_causal": is_causal,
        "dtype": dtype,
    }
    encoder = load_part(encoder, "encoder") or networks.residual_cnn_encoder(
        input_shape, quantizer.embedding_dim, **sizes
    )
    decoder = load_part(decoder, "decoder") or networks.residual_cnn_decoder(
        (*grid_of(encoder, input_shape), quantizer.embedding_dim),
        likelihood.num_parameters(input_shape[-1]),
        upsampling=upsampling,
        **sizes,
    )
    model = models.VQVAE(
        encoder,
        quantizer,
        decoder,
        likelihood=likelihood,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
