from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.checks import checked
from keras_vq.zoo.parts import load_tokenizer


@checked
def vqvae2_prior(
    tokenizer: str | models.VQVAE2,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    num_layers: int = 8,
    num_attentions: int = 2,
    num_heads: int = 4,
    kernel_size: int = 3,
    first_kernel_size: int = 7,
    num_residual_layers: int = 2,
    dropout: float = 0.0,
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.HierarchicalPrior:
    """A prior over all levels of a VQ-VAE-2, built and compiled with Adam.

    A PixelSNAIL models the top level, and a PixelCNN each further level,
    conditioned on the levels above.

    Args:
        tokenizer: A `keras_vq.models.VQVAE2`, the path of its `.keras`
            file, or the name of a published model.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        hidden_dim, num_layers, kernel_size, first_kernel_size, dropout:
            Arguments of the network of each level; see
            `keras_vq.networks.PixelCNN`.
        num_attentions, num_heads: Arguments of the top level's network; see
            `keras_vq.networks.PixelSNAIL`.
        num_residual_layers: int >= 0, residual blocks that process a level's
            condition. Defaults to 2.
        label_dropout: float in [0, 1), share of training examples whose label
            is dropped, for classifier-free guidance. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        seed: int or None, seed of label dropout and dropout. Defaults to None.
        dtype: dtype policy of the model and its networks; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.HierarchicalPrior`.

    Returns:
        A compiled `keras_vq.priors.HierarchicalPrior`.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae2((16, 16, 3), hidden_dim=16)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.vqvae2_prior(
    ...     tokenizer, hidden_dim=16, num_layers=2)
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> [codes.shape for codes in prior.generate(2, seed=0)]
    [(2, 2, 2), (2, 4, 4)]

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019, section 3.2.
    """
    codes_of: models.VQVAE2 = load_tokenizer(tokenizer, kind=models.VQVAE2)
    options: dict[str, Any] = {
        "num_classes": num_classes,
        "hidden_dim": hidden_dim,
        "num_layers": num_layers,
        "kernel_size": kernel_size,
        "first_kernel_size": first_kernel_size,
        "dropout": dropout,
        "seed": seed,
        "dtype": dtype,
    }
    (shape, k), *others = codes_of.code_maps
    level_networks = [
        networks.PixelSNAIL(
            shape,
            k,
            num_attentions=num_attentions,
            num_heads=num_heads,
            **options,
        ),
        *(
            networks.PixelCNN(shape, k, condition_dim=hidden_dim, **options)
            for shape, k in others
        ),
    ]
    model = priors.HierarchicalPrior(
        [
            priors.AutoregressivePrior(
                network, label_dropout=label_dropout, dtype=dtype
            )
            for network in level_networks
        ],
        num_residual_layers,
        seed=seed,
        tokenizer_fingerprint=codes_of.fingerprint(),
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
