import math

import numpy as np


def check_codes(model, indices, shape, num_embeddings, name="indices"):
    """Raise unless `indices` (a NumPy array) are a batch of codes.

    Args:
        model: The model that is to decode them.
        indices: array, what to check.
        shape: tuple of int, of the codes of one input.
        num_embeddings: int, number of codes.
        name: What the message calls them. Defaults to `"indices"`.

    Raises:
        ValueError: If their dtype, shape or values do not fit.
    """
    title = f"{type(model).__name__} `{model.name}`"
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"{title} decodes integers. Received: {name}.dtype={indices.dtype}"
        )
    if indices.shape[1:] != shape:
        raise ValueError(
            f"{title} decodes {name} of shape {(None, *shape)}. Received: "
            f"shape={indices.shape}"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= num_embeddings):
        raise ValueError(
            f"{title} has codes 0 to {num_embeddings - 1}. Received: {name} "
            f"from {indices.min()} to {indices.max()}"
        )


def check_code_maps(model, latents, all_of_them=False):
    """Raise unless `latents` are codes of the model's first maps, or of all.

    Args:
        model: A `Tokenizer` with several maps of codes.
        latents: tuple of NumPy arrays, one or more, what to check.
        all_of_them: bool, whether none may be missing. Defaults to False.

    Raises:
        ValueError: If number, dtypes, shapes or values do not fit.
    """
    title = f"{type(model).__name__} `{model.name}`"
    maps = model.code_maps
    is_tuple = isinstance(latents, (tuple, list))
    least = len(maps) if all_of_them else 1
    if not is_tuple or not least <= len(latents) <= len(maps):
        shapes = ", ".join(str((None, *shape)) for shape, _ in maps)
        received = (
            f"{len(latents)} maps" if is_tuple else type(latents).__name__
        )
        raise ValueError(
            f"{title} takes a tuple of {least} to {len(maps)} maps of indices, "
            f"top first, of shapes {shapes}. Received: {received}"
        )
    for level, indices in enumerate(latents):
        shape, num_embeddings = maps[level]
        name = f"indices[{level}]"
        check_codes(model, indices, shape, num_embeddings, name)
    counts = [len(indices) for indices in latents]
    if len(set(counts)) > 1:
        raise ValueError(
            f"{title} needs as many rows in each map of indices. Received: "
            f"{counts} rows, top first"
        )


def check_prompt(model, prompt, num_samples):
    """Raise unless `prompt` (a NumPy array) can be the first of some codes.

    Args:
        model: A model of one map of codes.
        prompt: array, what to check.
        num_samples: int, how many examples begin with it.

    Raises:
        ValueError: If its shape or its values do not fit.
    """
    if prompt.ndim != 2 or len(prompt) != num_samples:
        raise ValueError(
            "`prompt` must have shape (num_samples, m), the first m codes in "
            f"raster order. Received: shape={prompt.shape} and "
            f"num_samples={num_samples}"
        )
    length = math.prod(model.code_shape)
    if prompt.shape[1] > length:
        raise ValueError(
            f"`prompt` is longer than the {length} codes of "
            f"{type(model).__name__} `{model.name}`. Received: "
            f"{prompt.shape[1]} codes"
        )
    check_codes(model, prompt, prompt.shape[1:], model.num_embeddings, "prompt")
