from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.checks import check_int
from keras_vq.checks import checked
from keras_vq.models.stacked_vqvae import check_first_stage
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_quantizer


@checked
def stacked_vqvae(
    first_stage: str | models.Tokenizer,
    num_codes: int = 3,
    num_embeddings: int = 512,
    embedding_dim: int = 64,
    commitment_cost: float = 0.25,
    hidden_dim: int = 128,
    num_residual_layers: int = 2,
    residual_hidden_dim: int = 32,
    downsampling: int | tuple[int, ...] = 1,
    ema_decay: float | None = 0.99,
    decay_warmup: bool = True,
    learning_rate: float | LearningRateSchedule = 1e-3,
    quantizer: str | layers.Quantizer | None = None,
    separate_codebooks: bool = False,
    autoregressive_decoder: bool = False,
    dtype: str | None = None,
    **kwargs: Any,
) -> models.StackedVQVAE:
    """A second VQ-VAE on the codes of a first, built and compiled with Adam.

    By default the decoder is not autoregressive and the codes share one
    codebook, which the paper has otherwise; see
    `keras_vq.models.StackedVQVAE`.

    Args:
        first_stage: A trained model with one map of codes, such as a
            `keras_vq.models.VQVAE`, the path of its `.keras` file, or the
            name of a published model. It
            becomes part of the new model and is no longer trainable.
        num_codes: int >= 1, codes per input. Defaults to 3.
        num_embeddings: int >= 2, number of codes, K. Defaults to 512.
        embedding_dim: int >= 1, length of a code, D. Defaults to 64.
        commitment_cost: float >= 0, the paper's beta. Defaults to 0.25.
        hidden_dim, num_residual_layers, residual_hidden_dim, downsampling:
            Arguments of the networks; see
            `keras_vq.networks.code_encoder_decoder`.
        ema_decay: float in (0, 1), decay of the codebook's moving averages;
            None for a codebook trained by gradient. Defaults to 0.99.
        decay_warmup: bool, whether that decay starts low; see
            `keras_vq.layers.VectorQuantizerEMA`. Defaults to True.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        quantizer: A quantizer of `keras_vq.layers`; the name of one, such as
            `"finite_scalar_quantizer"`, configured by the numbers above; or
            None for a vector quantizer trained according to `ema_decay`.
            Defaults to None.
        separate_codebooks: bool, whether each of the codes has a codebook of
            its own, as in the paper, instead of sharing one. The codes then
            have the shape `(1, num_codes)`. Defaults to False.
        autoregressive_decoder: bool, whether a PixelCNN decodes the first
            stage's codes one after the other, as in the paper, instead of all
            at once. The first stage then has a map of codes, (height, width).
            Defaults to False.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.StackedVQVAE`.

    Returns:
        A compiled `keras_vq.models.StackedVQVAE`.

    Raises:
        ValueError: If an argument is out of range, or `first_stage` has no map
            of codes, or several.
        FileNotFoundError: If there is no such file.

    Example:

    >>> first_stage = keras_vq.zoo.vqvae(input_shape=(32, 32, 3), hidden_dim=8)
    >>> images = np.random.uniform(size=(16, 32, 32, 3))
    >>> history = first_stage.fit(images, verbose=0)
    >>> model = keras_vq.zoo.stacked_vqvae(first_stage, hidden_dim=8)
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (16, 3)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 4.2.
    """
    tokenizer = check_first_stage(load_part(first_stage, "first_stage"))
    quantizer = make_quantizer(
        quantizer,
        num_embeddings,
        embedding_dim,
        commitment_cost,
        ema_decay,
        decay_warmup,
    )
    if separate_codebooks and check_int("num_codes", num_codes) > 1:
        # One vector, each part of which has a codebook.
        quantizer = layers.GroupedVectorQuantizer(quantizer, num_codes)
        num_codes = 1
    encoder, decoder = networks.code_encoder_decoder(
        tokenizer.code_shape,
        tokenizer.num_embeddings,
        num_codes,
        quantizer.embedding_dim,
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
        downsampling=downsampling,
        dtype=dtype,
    )
    code_prior = None
    if autoregressive_decoder:
        network = networks.PixelCNN(
            tokenizer.code_shape,
            tokenizer.num_embeddings,
            hidden_dim=hidden_dim,
            num_layers=4,
            condition_dim=tokenizer.num_embeddings,
            dtype=dtype,
        )
        code_prior = priors.AutoregressivePrior(network, dtype=dtype)
    model = models.StackedVQVAE(
        tokenizer,
        encoder,
        quantizer,
        decoder,
        code_prior,
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
