from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq import schedules
from keras_vq.checks import check_choice
from keras_vq.checks import check_number
from keras_vq.checks import checked
from keras_vq.zoo.parts import load_first_stage

_SCHEDULES = {
    "flow": schedules.RectifiedFlow,
    "linear": schedules.LinearBetas,
    "scaled_linear": schedules.ScaledLinearBetas,
}
_NETWORKS = ("transformer", "unet")


@checked
def latent_diffusion(
    tokenizer: str | models.FirstStage,
    num_classes: int | None = None,
    network: str = "transformer",
    num_layers: int = 6,
    num_heads: int = 4,
    hidden_dim: int = 256,
    intermediate_dim: int | None = None,
    patch_size: int = 1,
    channel_multipliers: tuple[int, ...] = (1, 2),
    dropout: float = 0.0,
    condition_shape: tuple[int, int] | None = None,
    schedule: str | schedules.Noising = "flow",
    prediction: str | None = None,
    solver: str | schedules.Solver | None = None,
    num_steps: int | None = None,
    label_dropout: float = 0.0,
    guidance_scale: float | None = None,
    ema_decay: float | None = 0.99,
    learning_rate: float | LearningRateSchedule = 3e-4,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.LatentDiffusion:
    """Diffusion on continuous latents, built and compiled with AdamW.

    Train it on `tokenizer.encode_latents(images)`, once
    `tokenizer.adapt_latent_scale(images)` has given them variance 1.

    Args:
        tokenizer: A first stage with a grid of continuous latents, such as a
            `keras_vq.models.KLAutoencoder`, `VQGAN` or `VQVAE`, or the path of
            its `.keras` file.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        network: `"transformer"` for a `keras_vq.networks.DiffusionTransformer`
            or `"unet"` for a `keras_vq.networks.UNet`. Defaults to
            `"transformer"`.
        num_layers: int >= 1, blocks of the transformer, or residual blocks at
            each level of the U-Net. Defaults to 6.
        num_heads, hidden_dim, dropout, condition_shape: Arguments of the
            network.
        intermediate_dim, patch_size: Arguments of the transformer alone.
        channel_multipliers: tuple of int, levels of the U-Net; the coarsest
            has attention. Defaults to `(1, 2)`.
        schedule: `"flow"`, `"linear"`, `"scaled_linear"` or a
            `keras_vq.schedules.Noising`. Defaults to `"flow"`.
        prediction, solver, num_steps, label_dropout, guidance_scale, seed:
            Arguments of the prior; see `keras_vq.priors.LatentDiffusion`.
        ema_decay: float in (0, 1) or None, decay of the moving average of the
            weights, which `fit` assigns to the model when it ends; 0.999 for
            ten thousand steps or more. None for no average. Defaults to 0.99.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 3e-4.
        dtype: dtype policy of the model and its network; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.LatentDiffusion`.

    Returns:
        A compiled `keras_vq.priors.LatentDiffusion`.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> tokenizer.adapt_latent_scale(images)
    >>> prior = keras_vq.zoo.latent_diffusion(
    ...     tokenizer, num_layers=2, hidden_dim=32)
    >>> history = prior.fit(tokenizer.encode_latents(images), verbose=0)
    >>> latents = prior.generate(2, seed=0, num_steps=4)
    >>> tokenizer.decode_latents(latents).shape
    (2, 16, 16, 3)

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022.
        Peebles and Xie, Scalable Diffusion Models with Transformers, 2023.
    """
    latents_of: models.FirstStage = load_first_stage(tokenizer)
    if isinstance(schedule, str):
        schedule = _SCHEDULES[check_choice("schedule", schedule, _SCHEDULES)]()
    check_choice("network", network, _NETWORKS)
    if ema_decay is not None:
        check_number("ema_decay", ema_decay, above=0, below=1)
    shared: dict[str, Any] = {
        "num_classes": num_classes,
        "num_heads": num_heads,
        "hidden_dim": hidden_dim,
        "dropout": dropout,
        "condition_shape": condition_shape,
        "dtype": dtype,
    }
    denoiser: networks.LatentDenoiser
    if network == "transformer":
        denoiser = networks.DiffusionTransformer(
            latents_of.continuous_shape,
            num_layers=num_layers,
            intermediate_dim=intermediate_dim,
            patch_size=patch_size,
            **shared,
        )
    else:
        denoiser = networks.UNet(
            latents_of.continuous_shape,
            channel_multipliers=channel_multipliers,
            num_residual_layers=num_layers,
            attention_levels=(len(channel_multipliers) - 1,),
            **shared,
        )
    model = priors.LatentDiffusion(
        denoiser,
        schedule,
        prediction=prediction,
        solver=solver,
        num_steps=num_steps,
        label_dropout=label_dropout,
        guidance_scale=guidance_scale,
        seed=seed,
        tokenizer_fingerprint=latents_of.latent_fingerprint(),
        dtype=dtype,
        **kwargs,
    )
    # No weight decay, as in Peebles and Xie, section 4.
    optimizer = keras.optimizers.AdamW(
        learning_rate,
        weight_decay=0.0,
        use_ema=ema_decay is not None,
        ema_momentum=ema_decay or 0.99,
    )
    model.compile(optimizer)
    return model
