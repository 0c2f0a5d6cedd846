"""The results of a search as a table and a picture."""

import csv

import numpy as np

from keras_vq.callbacks.plots import blank_figure
from keras_vq.saving.files import written_whole


def trial_rows(tuner, names):
    """The trials of a search, in order.

    Args:
        tuner: A tuner of KerasTuner.
        names: list of str, the hyper-parameters.

    Returns:
        list of dicts: `trial`, `status`, the hyper-parameters, `score`, the
        objective's value, `best_epoch` and the metrics of that epoch; for a
        failed trial its `error` instead.
    """
    rows = []
    for number, trial in sorted(tuner.oracle.trials.items()):
        values = trial.hyperparameters.values
        row = {"trial": number, "status": trial.status}
        row |= {name: values[name] for name in names}
        if "tuner/epochs" in values:  # Hyperband's
            row["epochs"] = values["tuner/epochs"]
        if trial.status == "COMPLETED":
            row["score"] = trial.score
            row["best_epoch"] = trial.best_step + 1
            metrics = trial.metrics.metrics
            row |= {
                name: history.get_best_value()
                for name, history in metrics.items()
            }
        elif trial.message:  # a traceback
            row["error"] = trial.message.strip().splitlines()[-1]
        rows.append(row)
    return rows


def write_csv(rows, path):
    """Write rows as CSV; a value that a row lacks is left empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with written_whole(path) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


def search_plot(rows, names, metrics):
    """Scatter plots of metrics over hyper-parameters, one panel per pair.

    Args:
        rows: list of dicts; see `trial_rows`.
        names: list of str, one or more numeric hyper-parameters, one column of
            panels each. Points are colored by the next of them.
        metrics: list of str, the metrics to draw, one row of panels each.

    Returns:
        `matplotlib.figure.Figure`.
    """
    rows = [row for row in rows if "score" in row]
    best = min(rows, key=lambda row: row["score"])
    figure = blank_figure(figsize=(4.4 * len(names), 3.2 * len(metrics)))
    axes = figure.subplots(len(metrics), len(names), squeeze=False)
    for line, metric in zip(axes, metrics, strict=True):
        for i, (axis, name) in enumerate(zip(line, names, strict=True)):
            color = names[(i + 1) % len(names)]
            points = axis.scatter(
                [row[name] for row in rows],
                [row[metric] for row in rows],
                c=[row[color] for row in rows],
                norm="log",
                s=40,
            )
            axis.scatter(best[name], best[metric], s=140, fc="none", ec="black")
            axis.set(
                xscale="log",
                xlabel=name.replace("_", " "),
                ylabel=metric.removeprefix("val_").replace("_", " "),
            )
            _plain_ticks(axis.xaxis, rows, name)
            if len(names) > 1:
                bar = figure.colorbar(points, ax=axis)
                bar.set_label(color.replace("_", " "))
                _plain_ticks(bar.ax.yaxis, rows, color)
    figure.suptitle(f"{len(rows)} trials; the ring marks the best")
    return figure


def _plain_ticks(axis, rows, name):
    """Label a logarithmic axis with plain numbers: 0.2, 0.5, 1."""
    values = sorted({row[name] for row in rows})
    if len(values) > 8:
        candidates = np.outer(10.0 ** np.arange(-9, 10), [1, 2, 5]).ravel()
        inside = (values[0] <= candidates) & (candidates <= values[-1])
        values = candidates[inside]
    axis.set_ticks(values, [f"{value:.4g}" for value in values], minor=False)
    axis.set_ticks([], minor=True)
