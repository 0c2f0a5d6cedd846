from typing import Any

from keras.optimizers.schedules import LearningRateSchedule

from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.checks import checked
from keras_vq.zoo.parts import arranged_codes
from keras_vq.zoo.parts import compile_adamw
from keras_vq.zoo.parts import load_tokenizer


@checked
def transformer(
    tokenizer: str | models.Tokenizer,
    condition_tokenizer: str | models.Tokenizer | None = None,
    num_classes: int | None = None,
    num_layers: int = 6,
    num_heads: int = 4,
    hidden_dim: int = 256,
    intermediate_dim: int | None = None,
    positions: str = "learned",
    tie_weights: bool = False,
    pattern: str = "depthwise",
    dropout: float = 0.0,
    label_dropout: float = 0.0,
    learning_rate: float | LearningRateSchedule = 3e-4,
    seed: int | None = None,
    dtype: str | None = None,
    **kwargs: Any,
) -> priors.AutoregressivePrior:
    """A GPT prior over a tokenizer's codes, built and compiled with AdamW.

    Args:
        tokenizer: A model with one map of codes, such as a
            `keras_vq.models.VQGAN`, the path of its `.keras`
            file, or the name of a published model.
        condition_tokenizer: A model with one map of codes, or the path of its
            `.keras` file, for a prior that is conditioned on the codes of
            another image, such as a segmentation. Defaults to None.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        num_layers, num_heads, hidden_dim, intermediate_dim, positions,
            tie_weights, dropout: Arguments of the network; see
            `keras_vq.networks.Transformer`.
        pattern: str, for tokenizers with several codes per position:
            `"depthwise"`, the codes of a position one after the other from
            the same features; `"flattened"`, each code a position of its own;
            `"delayed"`, each code one position after the one before. Defaults
            to `"depthwise"`.
        label_dropout: float in [0, 1), share of training examples whose label
            is dropped, for classifier-free guidance. Defaults to 0.0.
        learning_rate: float or `keras.optimizers.schedules` object. Defaults
            to 3e-4.
        seed: int or None, seed of label dropout. Defaults to None.
        dtype: dtype policy of the model and its network; None for Keras's
            default. Defaults to None.
        **kwargs: `name` and others of `keras_vq.priors.AutoregressivePrior`.

    Returns:
        A compiled `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range.
        FileNotFoundError: If there is no such file.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> prior = keras_vq.zoo.transformer(
    ...     tokenizer, num_layers=2, hidden_dim=32
    ... )
    >>> history = prior.fit(tokenizer.encode(images), verbose=0)
    >>> prior.generate(2, seed=0).shape
    (2, 4, 4)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, sections 3.2 and 3.3.
    """
    codes_of: models.Tokenizer = load_tokenizer(tokenizer)
    condition = condition_tokenizer
    if condition is not None:
        condition = load_tokenizer(condition, "condition_tokenizer")
    of_condition: dict[str, Any] = {}
    if condition is not None:
        of_condition = {
            "condition_shape": condition.code_shape,
            "num_condition_embeddings": condition.num_embeddings,
        }
    code_shape, codes_per_position = arranged_codes(codes_of, pattern)
    network = networks.Transformer(
        code_shape,
        codes_of.num_embeddings,
        num_classes=num_classes,
        codes_per_position=codes_per_position,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim,
        positions=positions,
        tie_weights=tie_weights,
        dropout=dropout,
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
    # The settings of minGPT, which the paper uses.
    compile_adamw(model, learning_rate, weight_decay=0.01, beta_2=0.95)
    return model
