"""The pictures that a command shows what a run's model does with."""

import numpy as np

from keras_vq import data
from keras_vq.data.image import read_image


def test_examples(recipe, model, count):
    """The first images of a run's test data.

    Args:
        recipe: The run's `Recipe`.
        model: Its model.
        count: int, number of images.

    Returns:
        `images, condition`: float32 array `(count, height, width, channels)`,
        and the tuple of what the model takes besides: labels, or nothing.
    """
    options = recipe.data.load_arguments(model) | {"batch_size": count}
    test = data.load(split=recipe.data.test_split, shuffle=False, **options)
    batch = next(test.as_numpy_iterator())
    return (batch[0], batch[1:]) if isinstance(batch, tuple) else (batch, ())


def test_conditions(recipe, generator, count):
    """What a conditional prior is told of the first images of its test data.

    Args:
        recipe: The run's `Recipe`.
        generator: `keras_vq.LatentGenerator` with a `condition_tokenizer`.
        count: int, number of images.

    Returns:
        dict of arrays of `count` rows, or as many as there are: `condition`,
        pictures, and `labels` for a prior of classes.
    """
    *size, channels = generator.condition_tokenizer.input_shape
    with_labels = bool(generator.num_classes)
    test = data.load(
        recipe.data.name,
        recipe.data.test_split,
        count,
        tuple(size),
        channels,
        labels=with_labels,
        shuffle=False,
        feature=recipe.data.condition,
    )
    batch = next(test.as_numpy_iterator())
    if not with_labels:
        return {"condition": batch}
    return dict(zip(["condition", "labels"], batch, strict=True))


def examples(run, model, paths, label, count):
    """Images from files, all of class `label`, or those of the test data.

    Args:
        run: A `Run`.
        model: Its model.
        paths: list of paths of image files.
        label: int or None, the class of those, for a conditional model.
        count: int, number of images where there are no paths.

    Returns:
        `images, condition`, as of `test_examples`.

    Raises:
        ValueError: If the images of a conditional model have no label, or
            those of another have one.
    """
    if not paths:
        if label is not None:
            raise ValueError("--label is for the image files that are given.")
        return test_examples(run.recipe, model, count)
    conditional = hasattr(model, "num_classes")
    if conditional != (label is not None):
        needs = "needs" if conditional else "takes no"
        raise ValueError(
            f"A {type(model).__name__} {needs} --label with image files."
        )
    *size, channels = model.input_shape
    images = np.stack([read_image(path, size, channels) for path in paths])
    condition = () if label is None else (np.full(len(paths), label),)
    return images, condition
