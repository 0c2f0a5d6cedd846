from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.checks import check_choice
from keras_vq.checks import checked
from keras_vq.zoo.parts import load_tokenizer


@checked
def pixelcnn(
    tokenizer: str | models.Tokenizer,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    num_layers: int = 8,
    kernel_size: int = 3,
    first_kernel_size: int = 7,
    dropout: float = 0.0,
    condition_dim: int | None = None,
    output: str = "categorical",
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.AutoregressivePrior:
    """A gated PixelCNN prior over a tokenizer's codes, compiled with Adam.

    Args:
        tokenizer: A model with one map of codes, such as a
            `keras_vq.models.VQVAE`, the path of its `.keras` file, or the
            name of a published model; or
            `keras_vq.models.Pixels` for a model of the pixels themselves.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        hidden_dim, num_layers, kernel_size, first_kernel_size, dropout,
            condition_dim: Arguments of the network; see
            `keras_vq.networks.PixelCNN`.
        output: `"categorical"`, for a `keras_vq.priors.CodeHead`, or
            `"logistic_mixture"`, for a `keras_vq.priors.LogisticMixtureHead`
            of the 256 levels of pixels. Defaults to `"categorical"`.
        label_dropout: float in [0, 1), share of training examples whose label
            is dropped, for classifier-free guidance. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        seed: int or None, seed of label dropout and dropout. Defaults to None.
        dtype: dtype policy of the model and its network; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.AutoregressivePrior`.

    Returns:
        A compiled `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.pixelcnn(tokenizer, num_layers=4)
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 4, 4)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016.
    """
    check_choice("output", output, ("categorical", "logistic_mixture"))
    codes_of: models.Tokenizer = load_tokenizer(tokenizer)
    network = networks.PixelCNN(
        codes_of.code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        codes_per_position=codes_of.codes_per_position,
        hidden_dim=hidden_dim,
        num_layers=num_layers,
        kernel_size=kernel_size,
        first_kernel_size=first_kernel_size,
        dropout=dropout,
        condition_dim=condition_dim,
        seed=seed,
        dtype=dtype,
    )
    head = None
    if output == "logistic_mixture":
        head = priors.LogisticMixtureHead(
            hidden_dim, codes_of.codes_per_position
        )
    model = priors.AutoregressivePrior(
        network,
        head,
        label_dropout=label_dropout,
        seed=seed,
        tokenizer_fingerprint=codes_of.fingerprint(),
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
