from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import check_type
from keras_vq.checks import checked
from keras_vq.likelihoods import Likelihood
from keras_vq.zoo.parts import make_likelihood
from keras_vq.zoo.parts import make_quantizer


@checked
def vqvae2(
    input_shape: tuple[int, ...] = (32, 32, 3),
    num_levels: int = 2,
    num_embeddings: int = 512,
    embedding_dim: int = 64,
    commitment_cost: float = 0.25,
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int | tuple[int, ...] = 4,
    upsampling: str = "transposed",
    ema_decay: float | None = 0.99,
    decay_warmup: bool = True,
    likelihood: str | Likelihood = "mse",
    data_variance: float | None = None,
    learning_rate: float | LearningRateSchedule = 1e-3,
    quantizers: str | list[layers.Quantizer] | None = None,
    encoders: list[keras.layers.Layer] | None = None,
    decoders: list[keras.layers.Layer] | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> models.VQVAE2:
    """A VQ-VAE-2, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(32, 32, 3)`.
        num_levels: int >= 2, grids of codes, each half the size of the next.
            Defaults to 2.
        num_embeddings: int >= 2, number of codes of each level, K. Defaults to
            512.
        embedding_dim: int >= 1, length of a code, D. Defaults to 64.
        commitment_cost: float >= 0, the paper's beta. Defaults to 0.25.
        hidden_dim, num_residual_layers, residual_hidden_dim, downsampling,
            upsampling: Arguments of the networks; see
            `keras_vq.networks.hierarchical_cnn`.
        ema_decay: float in (0, 1), decay of the codebooks' moving averages;
            None for codebooks trained by gradient. Defaults to 0.99.
        decay_warmup: bool, whether that decay starts low; see
            `keras_vq.layers.VectorQuantizerEMA`. Defaults to True.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name. Defaults
            to `"mse"`.
        data_variance: float > 0 or None, divides the squared error of the
            likelihood `"mse"`. Defaults to None.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        quantizers: list of quantizers of `keras_vq.layers`, coarsest level
            first; the name of one, such as `"finite_scalar_quantizer"`,
            configured by the numbers above for each of `num_levels`; or None
            for vector quantizers trained according to `ema_decay`. Defaults
            to None.
        encoders, decoders: Lists of `keras.Model` or layers that replace the
            defaults; see `keras_vq.models.VQVAE2`. Default to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.VQVAE2`.

    Returns:
        A compiled `keras_vq.models.VQVAE2`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> model = keras_vq.zoo.vqvae2(
    ...     input_shape=(32, 32, 3), num_levels=3, hidden_dim=16)
    >>> images = np.random.uniform(size=(8, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.code_shape
    ((2, 2), (4, 4), (8, 8))

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019.
    """
    likelihood = make_likelihood(likelihood, data_variance, input_shape)
    if quantizers is None or isinstance(quantizers, str):
        name = quantizers
        quantizers = [
            make_quantizer(
                name,
                num_embeddings,
                embedding_dim,
                commitment_cost,
                ema_decay,
                decay_warmup,
            )
            for _ in range(num_levels)
        ]
    check_type("quantizers", quantizers, (list, tuple), "a list or a name")
    if encoders is None or decoders is None:
        built = networks.hierarchical_cnn(
            input_shape,
            [quantizer.embedding_dim for quantizer in quantizers],
            likelihood.num_parameters(input_shape[-1]),
            hidden_dim=hidden_dim,
            num_residual_layers=num_residual_layers,
            residual_hidden_dim=residual_hidden_dim,
            downsampling=downsampling,
            upsampling=upsampling,
            dtype=dtype,
        )
        encoders, decoders = encoders or built[0], decoders or built[1]
    model = models.VQVAE2(
        encoders,
        quantizers,
        decoders,
        likelihood=likelihood,
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
