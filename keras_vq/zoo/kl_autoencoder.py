import math
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq.checks import check_input_shape
from keras_vq.checks import check_number
from keras_vq.checks import checked
from keras_vq.losses import Adversary
from keras_vq.losses import PerceptualLoss
from keras_vq.zoo.parts import compile_adversarial
from keras_vq.zoo.parts import grid_of
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.parts import make_adversary
from keras_vq.zoo.parts import make_perceptual_loss


@checked
def kl_autoencoder(
    input_shape: tuple[int, ...] = (64, 64, 3),
    latent_dim: int = 4,
    kl_weight: float = 1e-6,
    seed: int | None = None,
    hidden_dim: int = 64,
    channel_multipliers: tuple[int, ...] = (1, 2, 4),
    num_residual_layers: int = 2,
    attention_resolutions: tuple[int, ...] | None = None,
    dropout: float = 0.0,
    downsampling: tuple[int, ...] | None = None,
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
    encoder: str | keras.layers.Layer | None = None,
    decoder: str | keras.layers.Layer | None = None,
    adversary: Adversary | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> models.KLAutoencoder:
    """A KL-regularized autoencoder, built and compiled with Adam.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`
            audio in [-1, 1], `(height, width, channels)` images or `(frames,
            height, width, channels)` video in [0, 1] or uint8. Defaults to
            `(64, 64, 3)`.
        latent_dim: int >= 1, length of a latent vector. Defaults to 4.
        kl_weight: float >= 0, weight of the KL divergence per input value.
            Defaults to 1e-6.
        seed: int or None, seed of the noise in training. Defaults to None.
        hidden_dim, channel_multipliers, num_residual_layers,
            attention_resolutions, dropout, downsampling: Arguments of the
            networks; see `keras_vq.networks.vqgan_encoder`.
        perceptual_loss: None; `"lpips"`, for whose weights see
            `keras_vq.losses.PerceptualLoss`; the path of a `.keras` file or a
            `keras.Model`, from images in [0, 1] to feature maps; or a
            `PerceptualLoss`. Defaults to None.
        perceptual_weight: float >= 0, its weight. Defaults to 1.0.
        disc_weight, disc_start, disc_ramp_steps, disc_loss, r1_weight,
            lecam_weight: `weight`, `start`, `ramp_steps`, `loss`, `r1_weight`
            and `lecam_weight` of `keras_vq.losses.Adversary`; a `disc_weight`
            of 0 trains without an adversary. The paper's models use a
            `disc_start` of 30,000 or more.
        disc_hidden_dim, disc_num_layers, disc_normalization: Arguments of the
            discriminator; see `keras_vq.networks.patch_discriminator`.
        learning_rate: float or `keras.optimizers.schedules` object, for both
            networks. Defaults to 1e-4.
        encoder, decoder: `keras.Model`, layer or path of a `.keras` file that
            replaces the default; see `keras_vq.models.KLAutoencoder`. Default
            to None.
        adversary: A `keras_vq.losses.Adversary` that replaces the default.
            Defaults to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.models.KLAutoencoder`.

    Returns:
        A compiled `keras_vq.models.KLAutoencoder`.

    Raises:
        ValueError: If an argument is out of range, the input is too small for
            the number of sizes, or an attention resolution does not occur.
        FileNotFoundError: If there are no weights for `"lpips"`, or no file at
            a given path.

    Example:

    >>> model = keras_vq.zoo.kl_autoencoder(
    ...     (16, 16, 3), hidden_dim=8, channel_multipliers=(1, 2),
    ...     disc_hidden_dim=8)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape
    (8, 8, 8, 4)

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022.
    """
    input_shape = check_input_shape(input_shape)
    check_number("kl_weight", kl_weight, at_least=0)
    bottleneck = layers.GaussianBottleneck(
        latent_dim, kl_weight=kl_weight / math.prod(input_shape), seed=seed
    )
    sizes: dict[str, Any] = {
        "hidden_dim": hidden_dim,
        "channel_multipliers": channel_multipliers,
        "num_residual_layers": num_residual_layers,
        "attention_resolutions": attention_resolutions,
        "dropout": dropout,
        "downsampling": downsampling,
        "dtype": dtype,
    }
    encoder = load_part(encoder, "encoder") or networks.vqgan_encoder(
        input_shape, 2 * latent_dim, **sizes
    )
    decoder = load_part(decoder, "decoder") or networks.vqgan_decoder(
        (*grid_of(encoder, input_shape), latent_dim), input_shape[-1], **sizes
    )
    model = models.KLAutoencoder(
        encoder,
        bottleneck,
        decoder,
        perceptual_loss=make_perceptual_loss(
            perceptual_loss, perceptual_weight
        ),
        adversary=make_adversary(
            adversary,
            input_shape,
            disc_weight,
            disc_start,
            disc_ramp_steps,
            disc_loss,
            disc_hidden_dim,
            disc_num_layers,
            disc_normalization,
            r1_weight,
            lecam_weight,
            dtype,
        ),
        input_shape=input_shape,
        dtype=dtype,
        **kwargs,
    )
    compile_adversarial(model, learning_rate)
    return model
