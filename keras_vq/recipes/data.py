"""Load the data of a recipe for its model."""

import math
import pathlib

import numpy as np
from tqdm.auto import tqdm

from keras_vq import data
from keras_vq.data.audio import read_clip
from keras_vq.data.image import read_image
from keras_vq.data.load import is_folder
from keras_vq.data.tokenize import provenance_of
from keras_vq.data.video import read_frames
from keras_vq.generator import LatentGenerator


def load_split(recipe, model, split, **order):
    """Load one split of a recipe's data.

    Args:
        recipe: `Recipe`.
        model: Its first stage, or the `LatentGenerator` of its prior.
        split: str, such as `recipe.data.test_split`.
        **order: `shuffle`, `seed`, `epochs`, `crop` and `flip` of
            `keras_vq.data.load`; the last two for images alone.

    Returns:
        `tf.data.Dataset` of images; for a prior, of their codes.

    Raises:
        FileNotFoundError: If the folder of the data does not exist.
    """
    options = recipe.data.load_arguments(model)
    path = pathlib.Path(options["name"])
    if path.is_absolute() and not path.exists():
        raise FileNotFoundError(
            f"There is no data folder {path}. If it was moved after training, "
            "write its new path to `name` in [data] of the run's recipe.toml."
        )
    if not isinstance(model, LatentGenerator):
        return data.load(split=split, **options, **order)
    name = options["name"]
    order |= {
        "split": split,
        "batch_size": options["batch_size"],
        "labels": options["labels"],
    }
    if is_folder(name) and provenance_of(name) is not None:
        if model.condition_tokenizer is not None:
            raise ValueError(
                "A conditional prior needs images to encode its condition "
                f"from. Received: data.name={name!r}, a folder of codes"
            )
        return data.load_tokens(name, **order)
    return data.load_codes(
        model.tokenizer,
        name,
        **recipe.data.encoding_arguments(model),
        condition_tokenizer=model.condition_tokenizer,
        condition=recipe.data.condition,
        continuous=model.prior.is_continuous,
        **order,
    )


def load_training_data(recipe, model, first_epoch=0):
    """Load the training and test data of a recipe.

    Args:
        recipe: `Recipe`.
        model: See `load_split`.
        first_epoch: int, epochs already trained. Defaults to 0.

    Returns:
        `train, test, steps`: data sets of all remaining epochs and of the test
        split, and the number of steps per epoch.
    """
    training, options = recipe.training, recipe.data
    test = load_split(recipe, model, options.test_split, shuffle=False)
    order = {"shuffle": True, "seed": training.seed}
    if not isinstance(model, LatentGenerator):
        order |= {"crop": options.crop, "flip": options.flip}
    elif options.crop < 1 or options.flip:
        raise ValueError(
            "data.crop and data.flip change images; a prior trains on codes. "
            f"Received: crop={options.crop}, flip={options.flip}"
        )

    def passes(numbers):
        return load_split(
            recipe, model, options.train_split, epochs=numbers, **order
        )

    epochs = training.epochs
    train = passes(range(first_epoch, epochs))
    steps = len(train) // max(epochs - first_epoch, 1)
    repeats = math.ceil(training.min_steps / epochs / max(steps, 1))
    if steps and repeats > 1:  # few images, soon read again
        train = passes(range(first_epoch * repeats, epochs * repeats))
        steps *= repeats
    return train, test, steps


def variance_of(batches, steps):
    """Compute the variance of all values of a data set.

    Args:
        batches: `tf.data.Dataset` of arrays, or of tuples that begin with one.
        steps: int, batches to read.

    Returns:
        float.
    """
    moments = np.zeros(3)
    for batch in tqdm(
        batches.take(steps),
        total=steps,
        desc="Computing the variance",
        delay=2,
        leave=False,
    ):
        x = batch[0] if isinstance(batch, tuple) else batch
        x = np.asarray(x, "float64")
        moments += (x.size, x.sum(), np.square(x).sum())
    size, first, second = moments
    return float(second / size - np.square(first / size))


def first_examples(recipe, model, split, count):
    """Load the first images of a split, and their labels.

    Args:
        recipe: `Recipe`.
        model: Its first stage.
        split: str, such as `recipe.data.test_split`.
        count: int, number of images.

    Returns:
        `images, labels`: float32 array `(count, height, width, channels)`, and
        int array `(count,)`; None for a model without `num_classes`.
    """
    options = recipe.data.load_arguments(model) | {"batch_size": count}
    batches = data.load(split=split, shuffle=False, **options)
    batch = next(batches.as_numpy_iterator())
    return batch if isinstance(batch, tuple) else (batch, None)


def first_conditions(recipe, generator, count):
    """Load the conditions of the first test images, for a conditional prior.

    Args:
        recipe: `Recipe`.
        generator: `LatentGenerator` of its prior.
        count: int, number of images.

    Returns:
        dict of arrays of `count` rows, or of fewer if there are fewer images:
        `condition`, images, and `labels` for a prior with `num_classes`. Empty
        for a recipe without a condition.
    """
    if recipe.data.condition is None:
        return {}
    *size, channels = generator.condition_tokenizer.input_shape
    has_labels = generator.num_classes is not None
    test = data.load(
        recipe.data.name,
        recipe.data.test_split,
        count,
        tuple(size),
        channels,
        labels=has_labels,
        shuffle=False,
        feature=recipe.data.condition,
    )
    batch = next(test.as_numpy_iterator())
    if not has_labels:
        return {"condition": batch}
    return dict(zip(["condition", "labels"], batch, strict=True))


def conditions_of_files(generator, paths):
    """Conditions from image files; see `first_conditions`.

    Args:
        generator: `LatentGenerator`.
        paths: list of paths of image files.

    Raises:
        ValueError: If the generator has no condition.
    """
    has_condition = (
        isinstance(generator, LatentGenerator)
        and generator.condition_tokenizer is not None
    )
    if not has_condition:
        raise ValueError("The model was trained without a condition.")
    tokenizer = generator.condition_tokenizer
    *size, channels = tokenizer.input_shape
    images = [read_image(path, size, channels) for path in paths]
    return {"condition": np.stack(images)}


def examples(run, paths, label, count):
    """Load images from files, all of one class, or the first test images.

    Args:
        run: `Run` of a first stage.
        paths: list of paths of image files.
        label: int or None, the class of those, for a conditional model.
        count: int, number of images if there are no paths.

    Returns:
        `images, labels`; see `first_examples`.

    Raises:
        ValueError: If the run is that of a prior, or a label is missing or
            unexpected.
    """
    model = run.first_stage
    if not paths:
        if label is not None:
            raise ValueError(
                "--label is the class of image files. Received: --label "
                f"{label} without files"
            )
        split = run.recipe.data.test_split
        return first_examples(run.recipe, model, split, count)
    if (model.num_classes is not None) != (label is not None):
        needs = "takes no" if model.num_classes is None else "needs a"
        raise ValueError(
            f"{type(model).__name__} {needs} --label with image files."
        )
    shape = model.input_shape
    if len(shape) == 2:
        rate = run.recipe.data.sample_rate
        images = np.stack([read_clip(path, rate, shape) for path in paths])
    elif len(shape) == 4:
        images = np.stack([read_frames(path, shape) for path in paths])
    else:
        *size, channels = model.input_shape
        images = np.stack([read_image(path, size, channels) for path in paths])
    return images, None if label is None else np.full(len(paths), label)
