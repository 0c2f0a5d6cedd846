from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.checks import checked
from keras_vq.zoo.parts import arranged_codes
from keras_vq.zoo.parts import load_tokenizer


@checked
def wavenet(
    tokenizer: str | models.Tokenizer,
    condition_tokenizer: str | models.Tokenizer | None = None,
    num_classes: int | None = None,
    hidden_dim: int = 64,
    skip_dim: int = 128,
    num_stacks: int = 2,
    num_layers: int = 6,
    kernel_size: int = 2,
    condition_dim: int | None = None,
    pattern: str = "depthwise",
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 1e-3,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.AutoregressivePrior:
    """A WaveNet prior over a tokenizer's codes, built and compiled with Adam.

    Args:
        tokenizer: A model with a sequence of codes, such as a
            `keras_vq.models.VQVAE` of audio, the path of its `.keras`
            file, or the name of a published model. With
            `keras_vq.models.Pixels(shape, mu_law=True)` the prior is a model of
            the samples themselves.
        condition_tokenizer: A model with a sequence of codes, or the path of
            its `.keras` file, for a prior that is conditioned on them: with
            samples as the codes above, an autoregressive decoder. Defaults to
            None.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        hidden_dim, skip_dim, num_stacks, num_layers, kernel_size,
            condition_dim: Arguments of the network; see
            `keras_vq.networks.WaveNet`.
        pattern: str, for tokenizers with several codes per position:
            `"depthwise"`, the codes of a position one after the other from
            the same features; `"flattened"`, each code a position of its own;
            `"delayed"`, each code one position after the one before. Defaults
            to `"depthwise"`.
        label_dropout: float in [0, 1), share of training examples whose label
            is dropped, for classifier-free guidance. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 1e-3.
        seed: int or None, seed of label dropout. Defaults to None.
        dtype: dtype policy of the model and its network; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.AutoregressivePrior`.

    Returns:
        A compiled `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a
            sequence.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((128, 1), num_embeddings=32)
    >>> audio = np.random.uniform(-1, 1, size=(8, 128, 1))
    >>> prior = keras_vq.zoo.wavenet(tokenizer, hidden_dim=16)
    >>> history = prior.fit(tokenizer.encode(audio), verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 32)

    References:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016. As
        a decoder: van den Oord et al., Neural Discrete Representation Learning,
        2017, section 4.3.
    """
    codes_of: models.Tokenizer = load_tokenizer(tokenizer)
    condition = condition_tokenizer
    of_condition: dict[str, Any] = {}
    if condition is not None:
        condition = load_tokenizer(condition, "condition_tokenizer")
        of_condition = {
            "condition_shape": condition.code_shape,
            "num_condition_embeddings": condition.num_embeddings,
        }
    several = codes_of.codes_per_position > 1
    if len(codes_of.code_shape) != 1 + several:
        raise ValueError(
            "WaveNet models sequences of codes, (time,) or (time, stages). "
            f"Received: a tokenizer with codes of shape {codes_of.code_shape}"
        )
    has_condition = condition is not None or condition_dim is not None
    if pattern == "delayed" and has_condition:
        raise ValueError(
            "Codes that are delayed do not keep step with a condition. "
            f"Received: pattern={pattern!r} with a condition. Use 'depthwise' "
            "or 'flattened'."
        )
    code_shape, codes_per_position = arranged_codes(codes_of, pattern)
    network = networks.WaveNet(
        code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        codes_per_position=codes_per_position,
        hidden_dim=hidden_dim,
        skip_dim=skip_dim,
        num_stacks=num_stacks,
        num_layers=num_layers,
        kernel_size=kernel_size,
        condition_dim=condition_dim,
        dtype=dtype,
        **of_condition,
    )
    model = priors.AutoregressivePrior(
        network,
        is_delayed=pattern == "delayed",
        label_dropout=label_dropout,
        seed=seed,
        tokenizer_fingerprint=codes_of.fingerprint(condition),
        dtype=dtype,
        **kwargs,
    )
    model.compile(keras.optimizers.Adam(learning_rate))
    return model
