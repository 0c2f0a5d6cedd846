"""Compare class-conditional priors of one tokenizer in one table.

    python scripts/train_classifier.py mnist runs/classifier_mnist \
        --epochs 2 --hidden-dim 16
    python scripts/compare_priors.py runs/classifier_mnist priors.json \
        pixelcnn_mnist runs/maskgit_mnist runs/vq_diffusion_mnist

For each prior, with its own defaults: how often the classifier reads a sample
as requested, the Fréchet distance to the test images in its features, nats per
code of the test images (a bound for priors that do not sample code by code),
seconds for 64 samples (the best of three calls, once compiled), evaluations of
the network for a sample, and parameters. Writes them to a JSON file and prints
the table.
"""

import json
import pathlib
import timeit
from typing import Annotated

import keras
import numpy as np
import typer

from keras_vq import data
from keras_vq import priors
from keras_vq.metrics import FrechetDistance
from keras_vq.recipes import Run
from keras_vq.saving.files import written_whole

COLUMNS = {
    "accuracy": "{:.1%}",
    "frechet": "{:.3f}",
    "nats_per_code": "{:.2f}",
    "seconds_for_64": "{:.2f}",
    "evaluations": "{}",
    "parameters": "{:,}",
}


def evaluations(prior):
    """How often a prior's network runs for one sample, with its defaults."""
    if isinstance(prior, priors.AutoregressivePrior):
        return prior.num_positions
    if isinstance(prior, priors.LatentDiffusion):
        count = len(prior.table(prior.solver, prior.num_steps))
        return count if prior.guidance_scale is None else 2 * count
    return prior.num_steps


def frechet(features, real, images):
    distance = FrechetDistance(features)
    for part in np.array_split(real, 20):
        distance.update_state(part, images[:0])
    for part in np.array_split(images, 20):
        distance.update_state(real[:0], part)
    return float(distance.result())


def real_images(run, count=None):
    options = run.recipe.data.load_arguments(run.model)
    split = run.recipe.data.test_split
    if count is not None:
        split = f"{split}[:{count}]"
    options |= {"batch_size": 1000, "labels": True}
    batches = data.load(split=split, shuffle=False, **options)
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def row(name, classifier, samples_per_class, scored, seed):
    run = Run(name)
    generator = run.model
    prior, tokenizer = generator.prior, generator.tokenizer
    labels = np.repeat(np.arange(prior.num_classes), samples_per_class)
    samples = generator.generate(
        len(labels), labels=labels, seed=seed, batch_size=500
    )
    reader = keras.models.load_model(classifier / "classifier.keras")
    features = keras.models.load_model(
        classifier / "features.keras", compile=False
    )
    read = reader.predict(samples, batch_size=500, verbose=0).argmax(-1)
    few = np.arange(64) % prior.num_classes
    generator.generate(64, labels=few, seed=seed)
    seconds = min(
        timeit.repeat(
            lambda: generator.generate(64, labels=few, seed=seed),
            number=1,
            repeat=3,
        )
    )
    nats = None
    if not prior.is_continuous:
        images, classes = real_images(run, scored)
        codes = tokenizer.encode(images)
        nats = -float(np.mean(prior.log_prob(codes, classes)))
        nats /= prior.num_codes
    return {
        "prior": type(prior).__name__,
        "accuracy": float(np.mean(read == labels)),
        "frechet": frechet(features, real_images(run)[0], samples),
        "nats_per_code": nats,
        "seconds_for_64": seconds,
        "evaluations": evaluations(prior),
        "parameters": prior.count_params(),
    }


def main(
    classifier: pathlib.Path,
    out: pathlib.Path,
    runs: Annotated[list[str], typer.Argument()],
    samples_per_class: int = 1000,
    scored: int = 1000,
    seed: int = 0,
) -> None:
    rows = {}
    for name in runs:
        rows[pathlib.Path(name).name] = row(
            name, classifier, samples_per_class, scored, seed
        )
        with written_whole(out) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"| prior | {' | '.join(COLUMNS)} |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, values in rows.items():
        cells = [
            "" if values[column] is None else text.format(values[column])
            for column, text in COLUMNS.items()
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    typer.run(main)
