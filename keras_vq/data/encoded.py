import itertools
from collections.abc import Iterable

import numpy as np
from tqdm.auto import tqdm

from keras_vq.checks import check_int
from keras_vq.checks import check_type
from keras_vq.data.load import load
from keras_vq.data.load_texts import load_texts
from keras_vq.models import FirstStage
from keras_vq.models import TextEncoder
from keras_vq.models import Tokenizer

# Images to load, and to encode, at a time.
IMAGES_AT_ONCE = 500
_BATCH_SIZE = 100


def encoded(
    tokenizer,
    name,
    split,
    condition_tokenizer=None,
    condition=None,
    labels=True,
    first=0,
    continuous=False,
    **kwargs,
):
    """Encode images in a fixed order, with a progress bar.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`.
        name: Name of the data; see `keras_vq.data.load`.
        split: str; see `keras_vq.data.load`.
        condition_tokenizer: Tokenizer of the condition, a
            `keras_vq.models.TextEncoder`, or None. Defaults to None.
        condition: str or None, the feature that it encodes. Defaults to None.
        labels: bool, whether to load labels; otherwise they are zeros.
            Defaults to True.
        first: int, batches to skip. Defaults to 0.
        continuous: bool, whether to encode to scaled continuous latents,
            rather than codes. Defaults to False.
        **kwargs: `binarize`, `feature`, `sample_rate` and `data_dir` of
            `keras_vq.data.load`.

    Yields:
        `maps, classes` of up to `IMAGES_AT_ONCE` examples: a list of int32
        arrays `(batch, *code_shape)`, or of one float32 array of latents, the
        condition's last, and an int array `(batch,)`.

    Raises:
        ValueError, FileNotFoundError: As `keras_vq.data.load`.
    """
    kind = FirstStage if continuous else Tokenizer
    check_type(
        "tokenizer", tokenizer, kind, f"a keras_vq.models.{kind.__name__}"
    )
    if condition_tokenizer is not None:
        check_type(
            "condition_tokenizer",
            condition_tokenizer,
            (Tokenizer, TextEncoder),
            "a keras_vq.models.Tokenizer or TextEncoder",
        )
    encode = tokenizer.encode_latents if continuous else tokenizer.encode
    if (condition_tokenizer is None) != (condition is None):
        raise ValueError(
            "`condition_tokenizer` and `condition`, the feature that it "
            "encodes, must be given together. Received: "
            f"condition={condition!r} and condition_tokenizer="
            f"{condition_tokenizer!r}"
        )

    def images_of(tokenizer, sample_rate=None, **options):
        if len(tokenizer.input_shape) == 2:
            time, channels = tokenizer.input_shape
            check_int("sample_rate", sample_rate)
            return load(
                name,
                split,
                IMAGES_AT_ONCE,
                shuffle=False,
                sample_rate=sample_rate,
                clip_seconds=time / sample_rate,
                mono=channels == 1,
                **options,
            )
        *frames, height, width, channels = tokenizer.input_shape
        return load(
            name,
            split,
            IMAGES_AT_ONCE,
            (height, width),
            channels,
            shuffle=False,
            num_frames=frames[0] if frames else None,
            **options,
        )

    images = images_of(tokenizer, labels=labels, **kwargs)
    total = len(images)
    conditions: Iterable = itertools.repeat(None)
    if condition is not None:
        of_images = ("binarize", "feature")
        options = {k: v for k, v in kwargs.items() if k not in of_images}
        if isinstance(condition_tokenizer, TextEncoder):
            texts = load_texts(name, split, condition, **options)
            starts = range(first * IMAGES_AT_ONCE, len(texts), IMAGES_AT_ONCE)
            conditions = (texts[i : i + IMAGES_AT_ONCE] for i in starts)
        else:
            pictures = images_of(
                condition_tokenizer, feature=condition, **options
            )
            conditions = pictures.skip(first).as_numpy_iterator()
    for batch, pictures in tqdm(
        zip(images.skip(first).as_numpy_iterator(), conditions),
        initial=first,
        total=total,
        desc=f"Encoding {split}",
        unit="batch",
        delay=2,
    ):
        x, classes = batch if labels else (batch, np.zeros(len(batch), int))
        codes = encode(x, batch_size=_BATCH_SIZE)
        maps = list(codes) if isinstance(codes, tuple) else [codes]
        if pictures is not None:
            maps.append(
                condition_tokenizer.encode(pictures, batch_size=_BATCH_SIZE)
            )
        yield maps, classes


def check_tokenizers(tokenizer, condition_tokenizer=None):
    """Raise unless these are tokenizers; that of the condition may be None."""
    expected = "a keras_vq.models.Tokenizer"
    check_type("tokenizer", tokenizer, Tokenizer, expected)
    if condition_tokenizer is not None:
        check_type(
            "condition_tokenizer", condition_tokenizer, Tokenizer, expected
        )
