import numpy as np
import tqdm

from keras_vq.data.epochs import Memory
from keras_vq.data.epochs import in_order
from keras_vq.data.load import load

# Of the images that are encoded.
_IMAGES_AT_ONCE = 500


def load_codes(
    tokenizer,
    name,
    split="train",
    batch_size=128,
    labels=False,
    shuffle=None,
    seed=0,
    epochs=None,
    **kwargs,
):
    """The codes of images, encoded once, as a `tf.data.Dataset` for a prior.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`; images are brought to its
            size and channels.
        name: What to load; see `keras_vq.data.load`.
        split: str; see `keras_vq.data.load`. Defaults to `"train"`.
        batch_size: int, examples per batch; the last batch may be smaller.
            Defaults to 128.
        labels: bool, whether to yield `(codes, labels)`. Defaults to False.
        shuffle: bool or None; see `keras_vq.data.load`. Defaults to None.
        seed: int, of the order. Defaults to 0.
        epochs: range or None; see `keras_vq.data.load`. Defaults to None.
        **kwargs: `binarize` and `data_dir` of `keras_vq.data.load`.

    Returns:
        `tf.data.Dataset` of int32 `(batch, *code_shape)`, of a tokenizer with
        several maps `((map, ...),)`, or of pairs with int64 `(batch,)`; of
        known cardinality.

    Raises:
        ValueError, FileNotFoundError: As `keras_vq.data.load`.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> codes = keras_vq.data.load_codes(tokenizer, "scenes", "test[:50]")
    >>> next(iter(codes)).shape
    (50, 8, 8)
    """
    images = load(
        name,
        split,
        _IMAGES_AT_ONCE,
        tokenizer.input_shape[:2],
        tokenizer.input_shape[2],
        labels=True,
        shuffle=False,
        **kwargs,
    )
    parts = []
    for x, y in tqdm.tqdm(
        images, desc=f"Encoding {split}", unit="batch", delay=2
    ):
        codes = tokenizer.encode(x.numpy(), batch_size=100)
        maps = codes if isinstance(codes, tuple) else (codes,)
        parts.append([*maps, y.numpy()])
    arrays = [np.concatenate(part) for part in zip(*parts, strict=True)]
    if shuffle is None:
        shuffle = split.startswith("train")
    dataset = in_order(Memory(arrays), shuffle, seed, epochs, batch_size)

    def as_asked(*arrays):
        *maps, classes = arrays
        codes = tuple(maps) if len(maps) > 1 else maps[0]
        if labels:
            return codes, classes
        return (codes,) if len(maps) > 1 else codes

    return dataset.map(as_asked)
