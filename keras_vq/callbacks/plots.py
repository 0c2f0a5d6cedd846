"""Figures, drawn without a display."""

import numpy as np
from matplotlib.figure import Figure

from keras_vq.files import written_whole


def reconstruction_grid(images, reconstructions, columns=8):
    """Images above their reconstructions, in pairs of rows.

    Args:
        images: array `(n, height, width, 1 or 3)`, floats in [0, 1] or uint8.
        reconstructions: array of the same shape, floats in [0, 1].
        columns: int, pairs per row. Defaults to 8.

    Returns:
        `matplotlib.figure.Figure`.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        images = images / 255.0
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.1 * columns, 2.3 * rows), layout="constrained")
    groups = figure.subfigures(rows, 1, squeeze=False)
    for row, group in enumerate(groups[:, 0]):
        part = slice(row * columns, (row + 1) * columns)
        axes = group.subplots(2, columns, squeeze=False)
        lines = zip(
            axes,
            ("input", "output"),
            (images[part], reconstructions[part]),
            strict=True,
        )
        for line, label, pictures in lines:
            for axis in line:
                axis.set(xticks=[], yticks=[])
                axis.axis("off")
            for axis, picture in zip(line, pictures, strict=False):
                _show(axis, picture)
            line[0].text(
                -0.06,
                0.5,
                label,
                rotation=90,
                ha="right",
                va="center",
                transform=line[0].transAxes,
            )
    return figure


def image_grid(images, columns=8):
    """Images in rows.

    Args:
        images: array `(n, height, width, 1 or 3)`, floats in [0, 1].
        columns: int, images per row. Defaults to 8.

    Returns:
        `matplotlib.figure.Figure`.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(columns, rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, images, strict=False):
        _show(axis, picture)
    return figure


def _show(axis, picture):
    axis.imshow(
        np.clip(picture, 0, 1).squeeze(),
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )


def codebook_usage(counts):
    """How often each code was used, most frequent first.

    Args:
        counts: array `(num_embeddings,)`.

    Returns:
        `matplotlib.figure.Figure`.
    """
    counts = np.sort(np.asarray(counts, "float64"))[::-1]
    total = max(counts.sum(), 1.0)
    p = counts / total
    perplexity = np.exp(-np.sum(p[p > 0] * np.log(p[p > 0])))
    used = np.mean(counts > 0)
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.fill_between(np.arange(len(p)), p, step="mid", color="#4472a8")
    axis.axhline(1 / len(p), color="0.4", lw=1, ls="--", label="uniform use")
    axis.set(
        xlabel="code, most frequent first",
        ylabel="share of all positions",
        xlim=(0, len(p) - 1),
        ylim=(0, None),
        title=(
            f"{used:.0%} of {len(p)} codes in use, perplexity {perplexity:.0f}"
        ),
    )
    axis.legend(frameon=False)
    return figure


def save_figure(figure, path, dpi=110):
    """Write a figure as PNG, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
