from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import priors
from keras_vq.zoo.parts import load_part


def pixelcnn(
    tokenizer: str | models.Tokenizer,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    num_layers: int = 8,
    kernel_size: int = 3,
    first_kernel_size: int = 7,
    dropout: float = 0.0,
    output: str = "categorical",
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    **kwargs: Any,
) -> priors.PixelCNN:
    """A gated PixelCNN of a tokenizer's codes, built and compiled with Adam.

    Args:
        tokenizer: A model with one map of codes, a `keras_vq.models.VQVAE`,
            say, or the path of its `.keras` file; `keras_vq.models.Pixels` for
            a model of the pixels themselves.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        hidden_dim: int, channels of either stack. Defaults to 64.
        num_layers: int, gated masked convolutions. Defaults to 8.
        kernel_size: int, odd, of the layers after the first. Defaults to 3.
        first_kernel_size: int, odd. Defaults to 7.
        dropout: float in [0, 1), before the logits. Defaults to 0.0.
        output: `"categorical"` or, for pixels, `"logistic_mixture"`; see
            `keras_vq.priors.AutoregressivePrior`. Defaults to
            `"categorical"`.
        label_dropout: float in [0, 1), share of training examples whose label
            is hidden, for `guidance_scale`. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        **kwargs: `seed`, `name`, `dtype` and others of
            `keras_vq.priors.PixelCNN`.

    Returns:
        A compiled `keras_vq.priors.PixelCNN`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.pixelcnn(tokenizer)
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 4, 4)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016.
    """
    codes_of: models.Tokenizer = load_part(tokenizer, "tokenizer")
    model = priors.PixelCNN(
        codes_of.code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        depth=codes_of.depth,
        tokenizer_fingerprint=codes_of.fingerprint(),
        hidden_dim=hidden_dim,
        num_layers=num_layers,
        kernel_size=kernel_size,
        first_kernel_size=first_kernel_size,
        dropout=dropout,
        output=output,
        label_dropout=label_dropout,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
