"""Measure the effect of rejection by one classifier with another.

    python scripts/train_classifier.py mnist runs/classifier_mnist
    python scripts/train_classifier.py mnist runs/small_classifier_mnist \\
        --epochs 4 --hidden-dim 8 --train-split "train[:10000]"
    python scripts/rejection_sampling.py runs/pixelcnn_mnist \\
        runs/small_classifier_mnist runs/classifier_mnist \\
        docs/images/rejection_sampling.png

The first classifier rejects samples, in `LatentGenerator.reject`; the second
classifies the rest. Razavi et al., Generating Diverse High-Fidelity Images with
VQ-VAE-2, 2019, section 3.4.
"""

import pathlib

import keras
import numpy as np
import typer
from matplotlib.figure import Figure

from keras_vq.callbacks.plots import save_figure
from keras_vq.recipes import Run

KEPT = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)


def main(
    run: pathlib.Path,
    rejecting: pathlib.Path,
    reading: pathlib.Path,
    out: pathlib.Path,
    samples: int = 2000,
    temperature: float = 1.0,
    seed: int = 0,
) -> None:
    model = Run(run).model
    reject, read = (
        keras.models.load_model(path / "classifier.keras")
        for path in (rejecting, reading)
    )
    labels = np.arange(samples) % model.num_classes
    shares = []
    for keep in KEPT:
        images = model.reject(
            reject,
            samples,
            labels,
            keep=keep,
            seed=seed,
            batch_size=500,
            temperature=temperature,
        )
        found = read.predict(images, batch_size=500, verbose=0).argmax(-1)
        shares.append(np.mean(found == labels))
        print(
            f"{1 - keep:.0%} rejected: {shares[-1]:.2%} recognized as requested"
        )
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot([1 - keep for keep in KEPT], shares, marker="o", color="#4472a8")
    axis.set(xlabel="share rejected", ylabel="share recognized as requested")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    save_figure(figure, out)
    print(f"Wrote {out}")


if __name__ == "__main__":
    typer.run(main)
