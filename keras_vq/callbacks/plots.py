"""Figures that need no display."""

import numpy as np

from keras_vq.extras import require
from keras_vq.saving.files import written_whole


def blank_figure(**kwargs):
    """Create a figure without axes.

    Args:
        **kwargs: Keyword arguments of `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    require("Drawing", "matplotlib")
    # Imported here to keep `import keras_vq` fast.
    from matplotlib.figure import Figure

    return Figure(layout="constrained", **kwargs)


def comparison_grid(rows, columns=8, captions=None):
    """Plot images in groups of rows, such as inputs above reconstructions.

    Args:
        rows: dict from the caption of a row to an array `(n, height, width, 1
            or 3)`, float in [0, 1] or uint8, with the same n for all rows.
        columns: int, images per row. Defaults to 8.
        captions: list of n str or None, text below each column. Defaults to
            None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    count = len(next(iter(rows.values())))
    columns = min(columns, count)
    groups = -(-count // columns)
    figure = blank_figure(
        figsize=(
            1.1 * columns,
            (1.1 * len(rows) + (0.1 if captions is None else 0.3)) * groups,
        ),
    )
    subfigures = figure.subfigures(groups, 1, squeeze=False)
    for group, subfigure in enumerate(subfigures[:, 0]):
        part = slice(group * columns, (group + 1) * columns)
        axes = subfigure.subplots(len(rows), columns, squeeze=False)
        for line, (caption, pictures) in zip(axes, rows.items(), strict=True):
            for axis in line:
                axis.set(xticks=[], yticks=[])
                axis.axis("off")
            for axis, picture in zip(line, pictures[part], strict=False):
                _show(axis, picture)
            line[0].text(
                -0.06,
                0.5,
                caption,
                rotation=90,
                ha="right",
                va="center",
                transform=line[0].transAxes,
            )
        if captions is not None:
            for axis, text in zip(axes[-1], captions[part], strict=False):
                axis.text(
                    0.5,
                    -0.06,
                    text,
                    ha="center",
                    va="top",
                    fontsize="small",
                    transform=axis.transAxes,
                )
    return figure


def image_grid(images, columns=8, titles=None):
    """Plot images in a grid.

    Args:
        images: array `(n, height, width, 1 or 3)`, float in [0, 1].
        columns: int, images per row. Defaults to 8.
        titles: list of str or None, text above each column. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = blank_figure(figsize=(columns, rows))
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, images, strict=False):
        _show(axis, picture)
    for axis, title in zip(axes[0], titles or [], strict=False):
        axis.set_title(title, fontsize="small")
    return figure


def _show(axis, picture):
    if picture.dtype == np.uint8:
        picture = picture / 255.0
    axis.imshow(
        np.clip(picture, 0, 1).squeeze(),
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )


def training_curves(history, columns=4):
    """Plot the logs of each epoch, with one panel per name.

    Args:
        history: dict from name to list of floats, one per epoch. `val_loss`
            shares a panel with `loss`, and so on.
        columns: int, panels per row. Defaults to 4.

    Returns:
        `matplotlib.figure.Figure`.
    """
    names = [name for name in history if not name.startswith("val_")]
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    figure = blank_figure(figsize=(3 * columns, 2.2 * rows))
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, name in zip(axes.flat, names, strict=False):
        axis.axis("on")
        for part, label in ((name, "training"), (f"val_{name}", "validation")):
            if part in history:
                epochs = np.arange(1, len(history[part]) + 1)
                axis.plot(epochs, history[part], marker=".", label=label)
        axis.set_title(name.replace("_", " "), fontsize="medium")
        axis.locator_params(axis="x", integer=True)
    fullest = max(axes.flat, key=lambda axis: len(axis.lines))
    figure.legend(
        *fullest.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        title="by epoch",
    )
    return figure


def save_figure(figure, path, dpi=110):
    """Write a figure as PNG, atomically."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
