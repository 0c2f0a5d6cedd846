import itertools

import numpy as np
import tqdm

from keras_vq.data.load import load

# Images that are encoded together: few enough for any memory.
IMAGES_AT_ONCE = 500


def encoded(
    tokenizer,
    name,
    split,
    condition_tokenizer=None,
    condition=None,
    labels=True,
    first=0,
    **kwargs,
):
    """The codes of images, in their fixed order, with a progress bar.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`.
        name: What to load; see `keras_vq.data.load`.
        split: str; see `keras_vq.data.load`.
        condition_tokenizer: A further one or None, of what a prior is told.
            Defaults to None.
        condition: str or None, the feature of the data set that it encodes.
            Defaults to None.
        labels: bool, whether the data have labels that are wanted; zeros
            without. Defaults to True.
        first: int, batches that are not needed any more. Defaults to 0.
        **kwargs: `binarize`, `feature` and `data_dir` of `keras_vq.data.load`.

    Yields:
        pairs of NumPy arrays of up to `IMAGES_AT_ONCE` examples: `maps,
        classes`, maps a list of int32 `(batch, *code_shape)`, that of the
        condition the last one.

    Raises:
        ValueError, FileNotFoundError: As `keras_vq.data.load`.
    """
    if (condition_tokenizer is None) != (condition is None):
        raise ValueError(
            "`condition_tokenizer` and `condition`, the feature that it "
            f"encodes, go together. Received: condition={condition!r} "
            f"{'without' if condition_tokenizer is None else 'with'} a "
            "tokenizer of it"
        )

    def images_of(tokenizer, **options):
        return load(
            name,
            split,
            IMAGES_AT_ONCE,
            tokenizer.input_shape[:2],
            tokenizer.input_shape[2],
            shuffle=False,
            **options,
        )

    images = images_of(tokenizer, labels=labels, **kwargs)
    total = len(images)
    told = itertools.repeat(None)
    if condition is not None:
        of_images = ("binarize", "feature")
        options = {k: v for k, v in kwargs.items() if k not in of_images}
        told = images_of(condition_tokenizer, feature=condition, **options)
        told = told.skip(first).as_numpy_iterator()
    for batch, pictures in tqdm.tqdm(
        zip(images.skip(first).as_numpy_iterator(), told),
        initial=first,
        total=total,
        desc=f"Encoding {split}",
        unit="batch",
        delay=2,
    ):
        x, classes = batch if labels else (batch, np.zeros(len(batch), int))
        codes = tokenizer.encode(x, batch_size=100)
        maps = list(codes) if isinstance(codes, tuple) else [codes]
        if pictures is not None:
            maps.append(condition_tokenizer.encode(pictures, batch_size=100))
        yield [np.asarray(m, "int32") for m in maps], classes
