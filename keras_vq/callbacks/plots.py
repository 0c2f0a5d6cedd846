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


def frames_of(clips):
    """The frames of clips of video, as images, clip by clip.

    Args:
        clips: array `(n, frames, height, width, channels)`.

    Returns:
        array `(n * frames, height, width, channels)`.
    """
    return np.reshape(clips, (-1, *clips.shape[2:]))


def comparison_grid(rows, columns=8, captions=None, title=None):
    """Plot images in groups of rows, such as inputs above reconstructions.

    Args:
        rows: dict from the caption of a row to an array `(n, height, width, 1
            or 3)`, float in [0, 1] or uint8, with the same n for all rows.
        columns: int, images per row. Defaults to 8.
        captions: list of n str or None, text below each column. Defaults to
            None.
        title: str or None. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    count = len(next(iter(rows.values())))
    columns = min(columns, count)
    groups = -(-count // columns)
    lines = max((text.count("\n") + 1 for text in captions or []), default=0)
    height = (1.1 * len(rows) + 0.1 + 0.2 * lines) * groups
    figure = _titled_figure(title, 1.1 * columns, height)
    subfigures = figure.subfigures(groups, 1, squeeze=False)
    for group, subfigure in enumerate(subfigures[:, 0]):
        part = slice(group * columns, (group + 1) * columns)
        axes = subfigure.subplots(len(rows), columns, squeeze=False)
        for line, (caption, pictures) in zip(axes, rows.items(), strict=True):
            for axis in line:
                axis.axis("off")
            for axis, picture in zip(line, pictures[part], strict=False):
                _show(axis, picture)
            _name_row(line, caption)
        for axis, text in zip(axes[-1], (captions or [])[part], strict=False):
            _caption(axis, text)
    return figure


def image_grid(
    images,
    columns=8,
    column_names=None,
    row_names=None,
    captions=None,
    title=None,
):
    """Plot images in a grid.

    Args:
        images: array `(n, height, width, 1 or 3)`, float in [0, 1].
        columns: int, images per row. Defaults to 8.
        column_names: list of str or None, text above each column. Defaults to
            None.
        row_names: list of str or None, text beside each row. Defaults to None.
        captions: list of n str or None, text below each image. Defaults to
            None.
        title: str or None. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = (1.2 if captions else 1.0) * rows
    figure = _titled_figure(title, columns, height)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, images, strict=False):
        _show(axis, picture)
    for axis, text in zip(axes.flat, captions or [], strict=False):
        _caption(axis, text)
    for axis, text in zip(axes[0], column_names or [], strict=False):
        axis.set_title(text, fontsize="small")
    for line, text in zip(axes, row_names or [], strict=False):
        _name_row(line, text)
    return figure


def _titled_figure(title, width, height):
    """A figure wide enough for its title, and higher by it."""
    if title is None:
        return blank_figure(figsize=(width, height))
    figure = blank_figure(figsize=(max(width, 0.08 * len(title)), height + 0.4))
    figure.suptitle(title, fontsize="medium")
    return figure


def _name_row(line, text):
    line[0].text(
        -0.06,
        0.5,
        text,
        rotation=90,
        ha="right",
        va="center",
        fontsize="small",
        transform=line[0].transAxes,
    )


def _caption(axis, text):
    axis.text(
        0.5,
        -0.06,
        text,
        ha="center",
        va="top",
        fontsize="small",
        transform=axis.transAxes,
    )


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
    from matplotlib.ticker import MaxNLocator

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
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.set_xlim(0.5, len(history[name]) + 0.5)
        axis.set_xlabel("epoch")
    fullest = max(axes.flat, key=lambda axis: len(axis.lines))
    figure.legend(
        *fullest.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    figure.suptitle("Training curves", fontsize="medium")
    return figure


def save_figure(figure, path, dpi=110):
    """Write a figure as PNG, atomically."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")


def read_picture(path):
    """Read what `save_figure` wrote: array `(height, width, 4)` in [0, 1]."""
    from matplotlib.image import imread

    return imread(path)
