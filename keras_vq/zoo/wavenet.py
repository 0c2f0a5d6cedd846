from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import priors
from keras_vq.zoo.parts import load_part


def wavenet(
    tokenizer: str | models.Tokenizer,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    skip_dim: int = 128,
    num_stacks: int = 2,
    num_layers: int = 6,
    kernel_size: int = 2,
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    **kwargs: Any,
) -> priors.WaveNet:
    """A WaveNet of a tokenizer's codes, built and compiled with Adam.

    Args:
        tokenizer: A model with a sequence of codes, a `keras_vq.models.VQVAE`
            of audio, say, or the path of its `.keras` file.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        hidden_dim: int, channels of the residual connections. Defaults to 64.
        skip_dim: int, channels of the skip connections. Defaults to 128.
        num_stacks: int, how often the dilations begin anew. Defaults to 2.
        num_layers: int, layers of a stack. Defaults to 6.
        kernel_size: int >= 2. Defaults to 2.
        label_dropout: float in [0, 1), share of training examples whose label
            is hidden, for `guidance_scale`. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        **kwargs: `seed`, `name`, `dtype` and others of
            `keras_vq.priors.WaveNet`.

    Returns:
        A compiled `keras_vq.priors.WaveNet`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a
            sequence.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((256, 1), num_embeddings=32)
    >>> audio = np.random.uniform(-1, 1, size=(8, 256, 1))
    >>> prior = keras_vq.zoo.wavenet(tokenizer)
    >>> history = prior.fit(tokenizer.encode(audio), verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 64)

    References:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016.
    """
    codes_of: models.Tokenizer = load_part(tokenizer, "tokenizer")
    model = priors.WaveNet(
        codes_of.code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        depth=codes_of.depth,
        tokenizer_fingerprint=codes_of.fingerprint(),
        hidden_dim=hidden_dim,
        skip_dim=skip_dim,
        num_stacks=num_stacks,
        num_layers=num_layers,
        kernel_size=kernel_size,
        label_dropout=label_dropout,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
