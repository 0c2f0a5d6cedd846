"""Figures of codebooks: how often codes are used and where they are."""

import math

import numpy as np

from keras_vq.callbacks.plots import blank_figure

_BLUE = "#4472a8"
_RED = "#c0504d"


def codebook_usage(counts):
    """Plot how often each code of one or more codebooks was used.

    Each codebook has a row of three panels: the frequencies of the codes, most
    frequent first; a histogram of these frequencies; and a map with one cell
    per code, in order of index, with unused codes in gray.

    Args:
        counts: dict from codebook name to array `(num_embeddings,)`, how often
            each code was used.

    Returns:
        `matplotlib.figure.Figure`.
    """
    figure = blank_figure(figsize=(14, 3.6 * len(counts)))
    rows = figure.subplots(
        len(counts), 3, squeeze=False, width_ratios=(1.6, 1.2, 1)
    )
    for axes, (name, values) in zip(rows, counts.items(), strict=True):
        values = np.asarray(values, "float64")
        p = values / max(values.sum(), 1.0)
        _draw_shares(axes[0], np.sort(p)[::-1], name.replace("_", " "))
        _draw_histogram(axes[1], p * len(p))
        _draw_map(figure, axes[2], p * len(p))
    figure.suptitle("How often each code is used", fontsize="medium")
    return figure


def _draw_shares(axis, p, name):
    used = int(np.sum(p > 0))
    perplexity = np.exp(-np.sum(p[p > 0] * np.log(p[p > 0])))
    # Of a collapsed codebook, the used codes and as many unused ones.
    shown = min(len(p), max(2 * used, 16))
    axis.bar(np.arange(1, shown + 1), p[:shown], width=1.0, color=_BLUE)
    axis.axhline(1 / len(p), color="0.4", lw=1, ls="--", label="uniform")
    axis.set(
        xlabel=f"code, most frequent first (1 to {shown} of {len(p)})",
        ylabel="share of all positions",
        xlim=(0.5, shown + 0.5),
        ylim=(0, None),
        title=f"{used} of {len(p)} codes in use, {name}: {perplexity:.1f}",
    )
    axis.legend(frameon=False)


def _draw_histogram(axis, frequency):
    used = frequency[frequency > 0]
    lowest = math.floor(np.log2(used.min())) if len(used) else -1
    highest = math.ceil(np.log2(used.max())) if len(used) else 1
    edges = 2.0 ** np.arange(lowest, max(highest, lowest + 1) + 1, 0.5)
    axis.hist(used, bins=edges, color=_BLUE)
    axis.axvline(1, color="0.4", lw=1, ls="--", label="uniform")
    axis.set_xscale("log", base=2)
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set(
        xlabel="times the uniform share",
        ylabel="number of codes",
        title=f"unused codes: {len(frequency) - len(used)}",
    )
    axis.legend(frameon=False)


def _draw_map(figure, axis, frequency):
    columns = math.ceil(math.sqrt(len(frequency)))
    cells = np.full(columns * math.ceil(len(frequency) / columns), np.nan)
    cells[: len(frequency)] = np.where(frequency > 0, frequency, np.nan)
    axis.set_facecolor("0.9")
    image = axis.imshow(
        cells.reshape(-1, columns),
        norm="log",
        vmin=0.03,
        vmax=30,
        cmap="viridis",
        interpolation="nearest",
    )
    axis.set(
        xlabel="index modulo row",
        ylabel="row of codes",
        title="by index, unused in gray",
    )
    bar = figure.colorbar(image, ax=axis)
    bar.set_label("times the uniform share")


def code_projection(vectors, used, unused=None):
    """Plot codes and the vectors they represent in two dimensions.

    The axes are the first two principal components of the vectors. Their limits
    enclose the vectors and the codes in use; the title counts the unused codes
    outside.

    Args:
        vectors: array `(N, D)`, encoder outputs.
        used: array `(n, D)`, the codes in use.
        unused: array `(m, D)` or None, all other codes. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    vectors = np.asarray(vectors, "float64")
    mean = vectors.mean(axis=0)
    _, scales, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    shares = scales**2 / max(np.sum(scales**2), 1e-30)
    if len(axes) < 2:  # vectors of one dimension lie on a line
        axes = np.concatenate([axes, np.zeros_like(axes)])
        shares = np.append(shares, 0.0)

    def project(x):
        return (np.asarray(x, "float64") - mean) @ axes[:2].T

    figure = blank_figure(figsize=(7, 6.4))
    axis = figure.subplots()
    points, codes = project(vectors), project(used)
    shown = np.concatenate([points, codes])
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.05 * np.maximum(high - low, 1e-6)
    low, high = low - margin, high + margin
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=3,
        color="0.75",
        lw=0,
        label="encoder's outputs",
    )
    title = f"{len(codes)} codes in use"
    if unused is not None and len(unused):
        rest = project(unused)
        outside = np.sum(np.any((rest < low) | (rest > high), axis=1))
        axis.scatter(
            rest[:, 0], rest[:, 1], s=14, color=_RED, marker="x", lw=0.8
        )
        axis.scatter([], [], s=14, color=_RED, marker="x", label="unused codes")
        title += f", {len(rest)} unused"
        title += f" ({outside} outside of the picture)" if outside else ""
    axis.scatter(
        codes[:, 0], codes[:, 1], s=12, color=_BLUE, label="codes in use"
    )
    axis.set(
        xlim=(low[0], high[0]),
        ylim=(low[1], high[1]),
        xlabel=f"first component, {shares[0]:.0%} of the variance",
        ylabel=f"second component, {shares[1]:.0%}",
        title=title,
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("codes and encoder outputs", fontsize="medium")
    return figure
