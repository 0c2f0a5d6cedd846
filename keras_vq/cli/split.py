from keras_vq import data
from keras_vq.generator import LatentGenerator

# What images and their codes are loaded by alike.
_OF_CODES = ("name", "batch_size", "binarize", "labels")


def load_split(recipe, model, split, **order):
    """A part of a recipe's data as its model learns it.

    Args:
        recipe: `Recipe`.
        model: Its model; a prior with its tokenizer.
        split: str, such as `recipe.data.test_split`.
        **order: `shuffle`, `seed` and `epochs` of `keras_vq.data.load`.

    Returns:
        `tf.data.Dataset` of images, for a prior of their codes.
    """
    options = recipe.data.load_arguments(model)
    if isinstance(model, LatentGenerator):
        options = {name: options[name] for name in _OF_CODES}
        return data.load_codes(model.tokenizer, split=split, **options, **order)
    return data.load(split=split, **options, **order)
