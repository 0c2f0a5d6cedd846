"""Images decoded along paths through the latent space of a model."""

import numpy as np

from keras_vq.callbacks.plots import image_grid


def interpolate(model, images, num_steps=8, labels=None):
    """Interpolate linearly between the latents of pairs of images.

    Args:
        model: A model with continuous latents.
        images: array `(n, height, width, channels)`, whose pairs are first and
            second, third and fourth, and so on.
        num_steps: int >= 2, images per pair. Defaults to 8.
        labels: int array `(n,)`, for a conditional model; each interpolation
            uses the label of its first image. Defaults to None.

    Returns:
        NumPy float32 array `(n // 2 * num_steps, height, width, channels)`.

    Raises:
        ValueError: If the model has no continuous latents, or there are fewer
            than two images or steps.
    """
    if num_steps < 2 or len(images) < 2:
        raise ValueError(
            "Interpolation needs at least two images and two steps. Received: "
            f"{len(images)} images and num_steps={num_steps}"
        )
    pairs = len(images) // 2
    if labels is not None:
        labels = np.asarray(labels)[: 2 * pairs]
    z = model.encode_latents(images[: 2 * pairs], labels)
    start, end = z[0::2, None], z[1::2, None]
    t = np.linspace(0, 1, num_steps, dtype="float32")
    t = t.reshape(1, num_steps, *([1] * (z.ndim - 1)))
    path = ((1 - t) * start + t * end).reshape(-1, *z.shape[1:])
    if labels is not None:
        labels = np.repeat(labels[0::2], num_steps)
    return model.decode_latents(path, labels)


def interpolation_grid(model, images, num_steps=8, labels=None):
    """Plot what `interpolate` returns, one row per pair of images."""
    pictures = interpolate(model, images, num_steps, labels)
    pairs = len(pictures) // num_steps
    return image_grid(
        pictures,
        num_steps,
        column_names=[f"{t:.0%}" for t in np.linspace(0, 1, num_steps)],
        row_names=[f"pair {k + 1}" for k in range(pairs)],
        title=f"{pairs} interpolations of {num_steps} steps",
    )


def traverse(model, images, num_dims=8, num_steps=8, labels=None):
    """Vary single dimensions of the latents of the first image.

    Each row varies one dimension, at all positions of a grid at once, from two
    standard deviations below its mean to two above, estimated from all images.
    Dimensions with the largest standard deviations come first.

    Args:
        model: A model with continuous latents.
        images: array `(n, height, width, channels)`.
        num_dims: int >= 1, maximum number of dimensions. Defaults to 8.
        num_steps: int >= 2, images per dimension. Defaults to 8.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Returns:
        `pictures, dims`: NumPy float32 array `(len(dims) * num_steps, height,
        width, channels)`, and the dimensions that were varied, int array of
        length `num_dims`, or the number of latent dimensions if that is less.

    Raises:
        ValueError: If the model has no continuous latents, or there are fewer
            than two images or steps.
    """
    if num_steps < 2 or len(images) < 2:
        raise ValueError(
            "A traversal needs at least two images, to measure how latents "
            f"vary, and two steps. Received: {len(images)} images and "
            f"num_steps={num_steps}"
        )
    z = model.encode_latents(images, labels)
    axes = tuple(range(z.ndim - 1))
    mean, deviation = z.mean(axes), z.std(axes)
    dims = np.argsort(-deviation)[:num_dims]
    path = np.tile(z[0], (len(dims), num_steps, *([1] * (z.ndim - 1))))
    t = np.linspace(-2, 2, num_steps)
    for row, dim in zip(path, dims, strict=True):
        values = mean[dim] + t * deviation[dim]
        row[..., dim] = values.reshape(-1, *([1] * (z.ndim - 2)))
    path = path.reshape(-1, *z.shape[1:])
    if labels is not None:
        labels = np.repeat(np.asarray(labels)[:1], len(path))
    return model.decode_latents(path, labels), dims


def traversal_grid(model, images, num_dims=8, num_steps=8, labels=None):
    """Plot what `traverse` returns, one row per dimension."""
    pictures, dims = traverse(model, images, num_dims, num_steps, labels)
    return image_grid(
        pictures,
        num_steps,
        column_names=[f"{t:+.1f} sd" for t in np.linspace(-2, 2, num_steps)],
        row_names=[f"dim {dim}" for dim in dims],
        title=(f"{len(dims)} dimensions of largest standard deviation (sd)"),
    )
