"""Ways through the latent space of a model, as pictures."""

import numpy as np

from keras_vq.models import Tokenizer


def interpolate(model, images, num_steps=8, labels=None):
    """From each image to the next, along a line between their latents.

    Args:
        model: A model with continuous latents.
        images: array `(n, height, width, channels)`; the first goes to the
            second, the third to the fourth and so on.
        num_steps: int >= 2, pictures of each way. Defaults to 8.
        labels: int array `(n,)`, for a conditional model: each way has the
            class it starts from. Defaults to None.

    Returns:
        NumPy float32 array `(n // 2 * num_steps, height, width, channels)`.

    Raises:
        ValueError: If the model has no continuous latents, there are fewer
            than two images or steps.
    """
    if num_steps < 2 or len(images) < 2:
        raise ValueError(
            "A way needs two images and two steps. Received: "
            f"{len(images)} images and num_steps={num_steps}"
        )
    encode, decode = _latents_of(model)
    pairs = len(images) // 2
    condition = () if labels is None else (np.asarray(labels)[: 2 * pairs],)
    z = encode(images[: 2 * pairs], *condition)
    start, end = z[0::2, None], z[1::2, None]
    t = np.linspace(0, 1, num_steps, dtype="float32")
    t = t.reshape(1, num_steps, *([1] * (z.ndim - 1)))
    path = ((1 - t) * start + t * end).reshape(-1, *z.shape[1:])
    return decode(path, *(np.repeat(c[0::2], num_steps) for c in condition))


def traverse(model, images, num_dims=8, num_steps=8, labels=None):
    """What single dimensions of the latent mean, seen from the first image.

    Each row changes one dimension, at all places of a grid at once, from two
    deviations below its mean to two above, both taken over the images; the
    dimensions with the greatest deviations come first.

    Args:
        model: A model with continuous latents.
        images: array `(n, height, width, channels)`.
        num_dims: int >= 1, dimensions. Defaults to 8.
        num_steps: int >= 2, pictures of each dimension. Defaults to 8.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Returns:
        NumPy float32 array `(dimensions * num_steps, height, width,
        channels)`, no more dimensions than there are.

    Raises:
        ValueError: If the model has no continuous latents, there are fewer
            than two images or steps.
    """
    if num_steps < 2 or len(images) < 2:
        raise ValueError(
            "A traversal needs two images, to know how latents vary, and two "
            f"steps. Received: {len(images)} images and num_steps={num_steps}"
        )
    encode, decode = _latents_of(model)
    condition = () if labels is None else (np.asarray(labels),)
    z = encode(images, *condition)
    axes = tuple(range(z.ndim - 1))
    mean, deviation = z.mean(axes), z.std(axes)
    dims = np.argsort(-deviation)[:num_dims]
    path = np.tile(z[0], (len(dims), num_steps, *([1] * (z.ndim - 1))))
    t = np.linspace(-2, 2, num_steps)
    for row, dim in zip(path, dims, strict=True):
        values = mean[dim] + t * deviation[dim]
        row[..., dim] = values.reshape(-1, *([1] * (z.ndim - 2)))
    path = path.reshape(-1, *z.shape[1:])
    return decode(path, *(np.repeat(c[:1], len(path)) for c in condition))


def _latents_of(model):
    """How to get at the model's continuous latents and back."""
    if hasattr(model, "encode_latents"):
        return model.encode_latents, model.decode_latents
    if isinstance(model, Tokenizer):
        raise ValueError(
            f"Nothing lies between the codes of a {type(model).__name__}. Ways "
            "through latents are drawn of: autoencoder, vae, cvae, vqgan, "
            "kl_autoencoder."
        )
    return model.encode, model.decode
