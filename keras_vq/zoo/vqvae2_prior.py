from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import priors
from keras_vq.zoo.parts import load_part


def vqvae2_prior(
    tokenizer: str | models.VQVAE2,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    num_layers: int = 8,
    num_blocks: int = 2,
    num_heads: int = 4,
    kernel_size: int = 3,
    first_kernel_size: int = 7,
    num_residual_layers: int = 2,
    dropout: float = 0.0,
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    **kwargs: Any,
) -> priors.HierarchicalPrior:
    """Priors of all levels of a VQ-VAE-2, built and compiled with Adam.

    A PixelSNAIL of the top level and, for each further one, a PixelCNN
    conditioned on those above.

    Args:
        tokenizer: A `keras_vq.models.VQVAE2`, or the path of its `.keras` file.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        hidden_dim: int, channels of either stack of each level. Defaults to
            64.
        num_layers: int, gated masked convolutions of each level. Defaults to
            8.
        num_blocks: int, attentions of the top level. Defaults to 2.
        num_heads: int, of those. Defaults to 4.
        kernel_size: int, odd, of the layers after the first. Defaults to 3.
        first_kernel_size: int, odd. Defaults to 7.
        num_residual_layers: int, residual blocks of what a level is told of
            those above. Defaults to 2.
        dropout: float in [0, 1), before the logits. Defaults to 0.0.
        label_dropout: float in [0, 1), share of training examples whose label
            is hidden, for `guidance_scale`. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        **kwargs: `seed`, `name`, `dtype` and others of
            `keras_vq.priors.HierarchicalPrior`.

    Returns:
        A compiled `keras_vq.priors.HierarchicalPrior`.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae2((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.vqvae2_prior(tokenizer, num_layers=4)
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> [codes.shape for codes in prior.generate(2, seed=0)]
    [(2, 2, 2), (2, 4, 4)]

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019, section 3.2.
    """
    codes_of: models.VQVAE2 = load_part(tokenizer, "tokenizer")
    options: dict[str, Any] = {
        "num_classes": num_classes,
        "hidden_dim": hidden_dim,
        "num_layers": num_layers,
        "kernel_size": kernel_size,
        "first_kernel_size": first_kernel_size,
        "dropout": dropout,
        "label_dropout": label_dropout,
        "dtype": kwargs.get("dtype"),
    }
    top, *others = codes_of.code_maps
    levels = [
        priors.PixelSNAIL(
            *top, num_blocks=num_blocks, num_heads=num_heads, **options
        ),
        *(
            priors.PixelCNN(shape, k, condition_dim=hidden_dim, **options)
            for shape, k in others
        ),
    ]
    model = priors.HierarchicalPrior(
        levels,
        num_residual_layers,
        tokenizer_fingerprint=codes_of.fingerprint(),
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
