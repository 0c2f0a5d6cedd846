from typing import Any

from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq import schedules
from keras_vq.checks import check_choice
from keras_vq.checks import checked
from keras_vq.zoo.parts import compile_adamw
from keras_vq.zoo.parts import load_tokenizer

_CORRUPTIONS = {
    "mask_and_replace": schedules.MaskAndReplace,
    "absorbing": schedules.Absorbing,
}


@checked
def vq_diffusion(
    tokenizer: str | models.Tokenizer,
    num_classes: int | None = None,
    num_layers: int = 6,
    num_heads: int = 4,
    hidden_dim: int = 256,
    intermediate_dim: int | None = None,
    dropout: float = 0.0,
    condition_shape: tuple[int, int] | None = None,
    corruption: str | schedules.Corruption = "mask_and_replace",
    num_steps: int | None = None,
    auxiliary_weight: float = 5e-4,
    truncation: float | None = None,
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 3e-4,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.VQDiffusion:
    """Discrete diffusion over a tokenizer's codes, compiled with AdamW.

    Args:
        tokenizer: A model with one map of codes, such as a
            `keras_vq.models.VQVAE`, or the path of its `.keras` file.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        num_layers, num_heads, hidden_dim, intermediate_dim, dropout,
            condition_shape: Arguments of the network; see
            `keras_vq.networks.DenoisingTransformer`.
        corruption: `"mask_and_replace"`, `"absorbing"` or a
            `keras_vq.schedules.Corruption`. Defaults to `"mask_and_replace"`.
        num_steps, auxiliary_weight, truncation, label_dropout, seed: Arguments
            of the prior; see `keras_vq.priors.VQDiffusion`.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 3e-4.
        dtype: dtype policy of the model and its network; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.VQDiffusion`.

    Returns:
        A compiled `keras_vq.priors.VQDiffusion`.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.vq_diffusion(
    ...     tokenizer, num_layers=2, hidden_dim=32)
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> prior.generate(2, seed=0, num_steps=10).shape
    (2, 4, 4)

    References:
        Gu et al., Vector Quantized Diffusion Model for Text-to-Image
        Synthesis, 2022.
    """
    codes_of: models.Tokenizer = load_tokenizer(tokenizer)
    if isinstance(corruption, str):
        check_choice("corruption", corruption, _CORRUPTIONS)
        corruption = _CORRUPTIONS[corruption]()
    network = networks.DenoisingTransformer(
        codes_of.code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim,
        dropout=dropout,
        condition_shape=condition_shape,
        takes_time=True,
        dtype=dtype,
    )
    model = priors.VQDiffusion(
        network,
        corruption,
        num_steps=num_steps,
        auxiliary_weight=auxiliary_weight,
        truncation=truncation,
        label_dropout=label_dropout,
        seed=seed,
        tokenizer_fingerprint=codes_of.fingerprint(),
        dtype=dtype,
        **kwargs,
    )
    # The settings of the paper.
    compile_adamw(model, learning_rate, weight_decay=0.045, beta_2=0.96)
    return model
