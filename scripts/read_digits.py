"""How often a classifier reads a generated example as the class asked for.

python scripts/train_classifier.py mnist runs/classifier_mnist
keras-vq train cvae_mnist
python scripts/read_digits.py runs/cvae_mnist runs/classifier_mnist
"""

import json
import pathlib

import keras
import numpy as np
import typer

from keras_vq.cli.run import Run


def main(
    run: pathlib.Path,
    classifier: pathlib.Path,
    samples_per_class: int = 1000,
    seed: int = 0,
) -> None:
    model = Run(run).load_model()
    reader = keras.models.load_model(classifier / "classifier.keras")
    labels = np.repeat(np.arange(model.num_classes), samples_per_class)
    images = model.generate(
        len(labels), labels=labels, seed=seed, batch_size=500
    )
    read = reader.predict(images, batch_size=500, verbose=0).argmax(-1)
    for label in range(model.num_classes):
        share = np.mean(read[labels == label] == label)
        print(f"class {label}: {share:.1%} read as such")
    results = json.loads((classifier / "results.json").read_text())
    print(f"all: {np.mean(read == labels):.2%} of {len(labels)} samples")
    print(f"the classifier's test accuracy: {results['accuracy']:.2%}")


if __name__ == "__main__":
    typer.run(main)
