"""The quality of the images that a run's conditional model generates.

    python scripts/train_classifier.py mnist runs/classifier_mnist
    keras-vq train pixelcnn_mnist
    python scripts/judge_samples.py runs/pixelcnn_mnist runs/classifier_mnist

Prints how often a classifier recognizes a sample as the requested class, and
the Fréchet distance to the test images, in the classifier's features, of
samples, of training images and of reconstructed test images. Writes
`neighbours.png` into the run's folder: samples above the nearest training
images, by squared distance of pixels.
"""

import json
import pathlib

import keras
import numpy as np
import typer

from keras_vq import LatentGenerator
from keras_vq import data
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import save_figure
from keras_vq.metrics import FrechetDistance
from keras_vq.recipes import Run


def main(
    run: pathlib.Path,
    classifier: pathlib.Path,
    samples_per_class: int = 1000,
    seed: int = 0,
    temperature: float = 1.0,
    top_p: float | None = None,
) -> None:
    opened = Run(run)
    model = opened.model
    labels = np.repeat(np.arange(model.num_classes), samples_per_class)
    sampling = {}
    if isinstance(model, LatentGenerator):
        sampling = {"temperature": temperature, "top_p": top_p}
    samples = model.generate(
        len(labels), labels=labels, seed=seed, batch_size=500, **sampling
    )
    _read(samples, labels, classifier)

    train, test = (_images(opened, model, s) for s in ("train", "test"))
    features = keras.models.load_model(
        classifier / "features.keras", compile=False
    )
    compared = {"samples": samples, "training images": train}
    if isinstance(model, LatentGenerator):
        compared["reconstructions"] = model.predict(
            test, batch_size=500, verbose=0
        )
    for name, images in compared.items():
        distance = FrechetDistance(features)
        for real in np.array_split(test, 20):
            distance.update_state(real, images[:0])
        for part in np.array_split(images, 20):
            distance.update_state(test[:0], part)
        print(
            f"Fréchet distance to test images: {name} {distance.result():.3f}"
        )

    few = samples[:: len(samples) // 16][:16]
    save_figure(
        comparison_grid({"sample": few, "nearest": _nearest(few, train)}),
        run / "neighbours.png",
    )
    print(f"Wrote {run / 'neighbours.png'}")


def _read(samples, labels, classifier):
    reader = keras.models.load_model(classifier / "classifier.keras")
    read = reader.predict(samples, batch_size=500, verbose=0).argmax(-1)
    for label in np.unique(labels):
        share = np.mean(read[labels == label] == label)
        print(f"class {label}: {share:.1%} recognized")
    results = json.loads((classifier / "results.json").read_text())
    print(f"all: {np.mean(read == labels):.2%} of {len(labels)} samples")
    print(f"the classifier's test accuracy: {results['accuracy']:.2%}")


def _images(run, model, split):
    options = run.recipe.data.load_arguments(model)
    options |= {"batch_size": 1000, "labels": False}
    batches = data.load(split=split, shuffle=False, **options)
    return np.concatenate(list(batches.as_numpy_iterator()))


def _nearest(few, many):
    flat = many.reshape(len(many), -1)
    return np.stack(
        [
            many[np.square(flat - one.reshape(1, -1)).sum(axis=1).argmin()]
            for one in few
        ]
    )


if __name__ == "__main__":
    typer.run(main)
