from keras_vq import data
from keras_vq.data.load import is_folder
from keras_vq.data.tokenize import provenance_of
from keras_vq.generator import LatentGenerator


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
    if not isinstance(model, LatentGenerator):
        return data.load(split=split, **options, **order)
    name, batch_size = options["name"], options["batch_size"]
    order |= {"split": split, "batch_size": batch_size}
    order |= {"labels": options["labels"]}
    if is_folder(name) and provenance_of(name) is not None:
        if model.condition_tokenizer is not None:
            raise ValueError(
                "A prior with a condition needs the pictures of it: name the "
                f"data themselves. Received: data.name={name!r}, a folder of "
                "codes"
            )
        return data.load_tokens(name, **order)
    return data.load_codes(
        model.tokenizer,
        name,
        binarize=options["binarize"],
        feature=options["feature"],
        condition_tokenizer=model.condition_tokenizer,
        condition=recipe.data.condition,
        **order,
    )
