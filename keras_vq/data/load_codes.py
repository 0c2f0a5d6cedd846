import numpy as np

from keras_vq.data.encoded import encoded
from keras_vq.data.epochs import Memory
from keras_vq.data.epochs import in_order
from keras_vq.models import Tokenizer


def load_codes(
    tokenizer,
    name,
    split="train",
    batch_size=128,
    labels=False,
    shuffle=None,
    seed=0,
    epochs=None,
    condition_tokenizer=None,
    condition=None,
    continuous=False,
    **kwargs,
):
    """Encode images once, as a `tf.data.Dataset` of codes for a prior.

    `keras_vq.data.tokenize` writes the codes to a folder, for reuse.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`; images are resized to its
            `input_shape`.
        name: Name of the data; see `keras_vq.data.load`.
        split: str; see `keras_vq.data.load`. Defaults to `"train"`.
        batch_size: int, examples per batch; the last batch may be smaller.
            Defaults to 128.
        labels: bool, whether to yield `(codes, labels)`. Defaults to False.
        shuffle: bool or None; see `keras_vq.data.load`. Defaults to None.
        seed: int, seed of the order. Defaults to 0.
        epochs: range or None; see `keras_vq.data.load`. Defaults to None.
        condition_tokenizer: Tokenizer of the condition, for a conditional
            prior, a `keras_vq.models.TextEncoder`, or None. Defaults to None.
        condition: str or None, the feature that it encodes, such as
            `"segmentation"` or `"caption"` of `"scenes"`. Defaults to None.
        continuous: bool, whether to encode to the float32 latents that a
            `keras_vq.priors.LatentDiffusion` is trained on, rather than codes;
            the tokenizer may then be any first stage with continuous latents.
            Defaults to False.
        **kwargs: `binarize`, `feature`, `sample_rate` and `data_dir` of
            `keras_vq.data.load`.

    Returns:
        `tf.data.Dataset` of known cardinality, of int32 `(batch,
        *code_shape)`; of `((map, ...),)` for a tokenizer with several maps, or
        with a condition, which comes last; with `labels` of pairs with int64
        `(batch,)`.

    Raises:
        ValueError, FileNotFoundError: As `keras_vq.data.load`.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> codes = keras_vq.data.load_codes(tokenizer, "scenes", "test[:50]")
    >>> next(iter(codes)).shape
    (50, 8, 8)
    """
    parts = [
        [*maps, classes]
        for maps, classes in encoded(
            tokenizer,
            name,
            split,
            condition_tokenizer,
            condition,
            labels,
            continuous=continuous,
            **kwargs,
        )
    ]
    arrays = [np.concatenate(part) for part in zip(*parts, strict=True)]
    dataset = code_batches(
        arrays, split, batch_size, labels, shuffle, seed, epochs
    )
    if continuous:
        return with_fingerprint(dataset, tokenizer.latent_fingerprint())
    if not isinstance(condition_tokenizer, Tokenizer):
        condition_tokenizer = None
    return with_fingerprint(dataset, tokenizer.fingerprint(condition_tokenizer))


def code_batches(arrays, split, batch_size, labels, shuffle, seed, epochs):
    """Create the data set that a prior is trained on.

    Args:
        arrays: list of NumPy arrays, maps of codes followed by labels.
        split, batch_size, labels, shuffle, seed, epochs: See `load_codes`.

    Returns:
        `tf.data.Dataset`; see `load_codes`.
    """
    if shuffle is None:
        shuffle = split.startswith("train")
    dataset = in_order(Memory(arrays), shuffle, seed, epochs, batch_size)

    def arranged(*arrays):
        *maps, classes = arrays
        codes = tuple(maps) if len(maps) > 1 else maps[0]
        if labels:
            return codes, classes
        return (codes,) if len(maps) > 1 else codes

    return dataset.map(arranged)


def with_fingerprint(dataset, fingerprint):
    """Mark a data set with its tokenizer, for a prior to check.

    Args:
        dataset: `tf.data.Dataset`.
        fingerprint: str, the tokenizer's fingerprint.

    Returns:
        The data set itself.
    """
    dataset.tokenizer_fingerprint = fingerprint
    return dataset
