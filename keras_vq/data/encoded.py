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
    check_condition(condition_tokenizer, condition)
    images = load_inputs(
        tokenizer.input_shape, name, split, labels=labels, **kwargs
    )
    conditions: Iterable = itertools.repeat(None)
    if isinstance(condition_tokenizer, TextEncoder):
        of_images = ("binarize", "feature")
        options = {k: v for k, v in kwargs.items() if k not in of_images}
        texts = load_texts(name, split, condition, **options)
        starts = range(0, len(texts), IMAGES_AT_ONCE)
        conditions = (texts[i : i + IMAGES_AT_ONCE] for i in starts)
    elif condition_tokenizer is not None:
        conditions = load_conditions(
            condition_tokenizer.input_shape, name, split, condition, **kwargs
        ).as_numpy_iterator()
    for batch, pictures in tqdm(
        zip(images.as_numpy_iterator(), conditions),
        total=len(images),
        desc=f"Encoding {split}",
        unit="batch",
        delay=2,
    ):
        x, classes = batch if labels else (batch, np.zeros(len(batch), int))
        yield (
            encode(tokenizer, condition_tokenizer, x, pictures, continuous),
            classes,
        )


def load_inputs(
    input_shape, name, split, labels=False, sample_rate=None, **options
):
    """Examples as a tokenizer takes them, in batches of `IMAGES_AT_ONCE`.

    Args:
        input_shape: tuple of int, of the tokenizer.
        name, split, labels, sample_rate: See `keras_vq.data.load`.
        **options: `binarize`, `feature` and `data_dir` of
            `keras_vq.data.load`.

    Returns:
        `tf.data.Dataset`, in a fixed order.
    """
    if len(input_shape) == 2:
        time, channels = input_shape
        check_int("sample_rate", sample_rate)
        return load(
            name,
            split,
            IMAGES_AT_ONCE,
            labels=labels,
            shuffle=False,
            sample_rate=sample_rate,
            clip_seconds=time / sample_rate,
            mono=channels == 1,
            **options,
        )
    *frames, height, width, channels = input_shape
    return load(
        name,
        split,
        IMAGES_AT_ONCE,
        (height, width),
        channels,
        labels,
        shuffle=False,
        num_frames=frames[0] if frames else None,
        **options,
    )


def load_conditions(input_shape, name, split, condition, **options):
    """Pictures that are the condition of others; see `load_inputs`."""
    of_images = ("binarize", "feature")
    options = {k: v for k, v in options.items() if k not in of_images}
    return load_inputs(input_shape, name, split, feature=condition, **options)


def encode(tokenizer, condition_tokenizer, x, condition, continuous=False):
    """Encode a batch.

    Args:
        tokenizer, condition_tokenizer, continuous: See `encoded`.
        x: float array, inputs of the tokenizer.
        condition: Inputs of the tokenizer of the condition, or None.

    Returns:
        list of arrays, the maps of codes, or the latents; the condition last.
    """
    make = tokenizer.encode_latents if continuous else tokenizer.encode
    codes = make(x, batch_size=_BATCH_SIZE)
    maps = list(codes) if isinstance(codes, tuple) else [codes]
    if condition is not None:
        maps.append(
            condition_tokenizer.encode(condition, batch_size=_BATCH_SIZE)
        )
    return maps


def check_tokenizers(tokenizer, condition_tokenizer=None):
    """Raise unless these are tokenizers; that of the condition may be None."""
    expected = "a keras_vq.models.Tokenizer"
    check_type("tokenizer", tokenizer, Tokenizer, expected)
    if condition_tokenizer is not None:
        check_type(
            "condition_tokenizer", condition_tokenizer, Tokenizer, expected
        )


def check_condition(condition_tokenizer, condition):
    """Raise unless both are given, or none."""
    if (condition_tokenizer is None) != (condition is None):
        raise ValueError(
            "`condition_tokenizer` and `condition`, the feature that it "
            "encodes, must be given together. Received: "
            f"condition={condition!r} and condition_tokenizer="
            f"{condition_tokenizer!r}"
        )
