from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq.losses import PerceptualLoss
from keras_vq.zoo.parts import compile_players
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.quantizers import make_quantizer


def vqgan(
    input_shape: tuple[int, ...] = (64, 64, 3),
    num_embeddings: int = 1024,
    embedding_dim: int = 64,
    commitment_cost: float = 0.25,
    ema_decay: float | None = 0.99,
    hidden_dim: int = 64,
    channel_multipliers: tuple[int, ...] = (1, 2, 4),
    num_residual_layers: int = 2,
    attention_resolutions: tuple[int, ...] | None = None,
    dropout: float = 0.0,
    perceptual_loss: str | keras.Model | PerceptualLoss | None = None,
    perceptual_weight: float = 1.0,
    disc_weight: float = 0.8,
    disc_start: int = 0,
    disc_ramp_steps: int = 0,
    disc_loss: str = "hinge",
    disc_hidden_dim: int = 64,
    disc_num_layers: int = 3,
    disc_normalization: str | None = "batch",
    r1_weight: float = 0.0,
    lecam_weight: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-4,
    quantizer: str | layers.Quantizer | None = None,
    **kwargs: Any,
) -> models.VQGAN:
    """A VQGAN, built and compiled with Adam for both players.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(64, 64, 3)`.
        num_embeddings: int >= 2, number of codes, K. Defaults to 1024.
        embedding_dim: int >= 1, length of a code, D. Defaults to 64.
        commitment_cost: float >= 0, the VQ-VAE's beta. Defaults to 0.25.
        ema_decay: float in (0, 1), decay of the codebook's moving averages;
            None for a codebook learned by gradient. Defaults to 0.99.
        hidden_dim: int, channels of the convolutions at the full size.
            Defaults to 64.
        channel_multipliers: tuple of int, one for each size, each half of the
            one before: `hidden_dim` times this is its number of channels.
            Defaults to `(1, 2, 4)`, for codes 4 times coarser.
        num_residual_layers: int, residual blocks at each size. Defaults to 2.
        attention_resolutions: tuple of int, sizes of the first spatial axis
            with attention, `()` for none; None for the codes' own. Defaults
            to None.
        dropout: float in [0, 1), in the residual blocks. Defaults to 0.0.
        perceptual_loss: None; `"lpips"`, whose weights
            `keras_vq.losses.PerceptualLoss` says how to get; the path of a
            `.keras` file or a `keras.Model`, from images in [0, 1] to feature
            maps; or a `PerceptualLoss`. Defaults to None.
        perceptual_weight: float >= 0, its weight. Defaults to 1.0.
        disc_weight: float >= 0, weight of the adversarial loss beside the
            adaptive weight; 0 for no discriminator. Defaults to 0.8.
        disc_start: int >= 0, steps before the discriminator begins. Defaults
            to 0; the paper's data sets take 30,000 and more.
        disc_ramp_steps: int >= 0, steps over which the adversarial loss rises
            to its weight. Defaults to 0.
        disc_loss: `"hinge"` or `"non_saturating"`. Defaults to `"hinge"`.
        disc_hidden_dim: int, channels of the discriminator's first
            convolution. Defaults to 64.
        disc_num_layers: int, its convolutions of stride 2. Defaults to 3.
        disc_normalization: `"batch"` or None. Defaults to `"batch"`.
        r1_weight: float >= 0, weight of half the squared gradient of the
            discriminator at real inputs. Defaults to 0.0.
        lecam_weight: float >= 0, weight of the LeCam regularizer. Defaults to
            0.0.
        learning_rate: float or `keras.optimizers.schedules` object, of both.
            Defaults to 1e-4.
        quantizer: A quantizer of `keras_vq.layers`; the name of one, such as
            `"finite_scalar_quantizer"`, made of the numbers above; or None for
            one with a codebook learned as `ema_decay` says. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras_vq.models.VQGAN`.

    Returns:
        A compiled `keras_vq.models.VQGAN`.

    Raises:
        ValueError: If an argument is out of range, the input is too small for
            the number of sizes, or an attention resolution never occurs.
        FileNotFoundError: If there are no weights for `"lpips"`, or there is
            no such file.

    Example:

    >>> model = keras_vq.zoo.vqgan(
    ...     (16, 16, 3), 64, 8, hidden_dim=8, channel_multipliers=(1, 2)
    ... )
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 8, 8)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021.
    """
    quantizer = make_quantizer(
        quantizer, num_embeddings, embedding_dim, commitment_cost, ema_decay
    )
    model = models.VQGAN(
        input_shape,
        quantizer,
        hidden_dim=hidden_dim,
        channel_multipliers=channel_multipliers,
        num_residual_layers=num_residual_layers,
        attention_resolutions=attention_resolutions,
        dropout=dropout,
        perceptual_loss=load_part(perceptual_loss, "perceptual_loss"),
        perceptual_weight=perceptual_weight,
        disc_weight=disc_weight,
        disc_start=disc_start,
        disc_ramp_steps=disc_ramp_steps,
        disc_loss=disc_loss,
        disc_hidden_dim=disc_hidden_dim,
        disc_num_layers=disc_num_layers,
        disc_normalization=disc_normalization,
        r1_weight=r1_weight,
        lecam_weight=lecam_weight,
        **kwargs,
    )
    compile_players(model, learning_rate)
    return model
