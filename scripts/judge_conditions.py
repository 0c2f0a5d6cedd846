"""Measure how well a prior's images follow their segmentation condition.

    keras-vq train transformer_scenes
    python scripts/judge_conditions.py runs/transformer_scenes

Trains a small network to segment real scenes, generates images for
segmentations of the test split, and prints the share of pixels in which the
network's segmentation of an image agrees with the requested one: for samples,
reconstructed test images, test images, and samples of other segmentations,
which give the agreement by chance. Writes `conditions.png` to the run's
folder.
"""

import pathlib

import keras
import numpy as np
import typer
from keras import layers

from keras_vq import data
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import save_figure
from keras_vq.data import scenes
from keras_vq.recipes import Run


def segmenter(input_shape, num_segments, hidden_dim=32):
    """A small U-Net from images to segment logits."""
    inputs = keras.Input(input_shape)
    x, skips = inputs, []

    def convolutions(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    for level in range(2):
        x = convolutions(x, hidden_dim * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = convolutions(x, 4 * hidden_dim)
    for level in (1, 0):
        x = layers.Concatenate()([layers.UpSampling2D(2)(x), skips[level]])
        x = convolutions(x, hidden_dim * 2**level)
    return keras.Model(inputs, layers.Conv2D(num_segments, 1)(x))


def load(name, split, size, feature):
    batches = data.load(
        name, split, 500, size, 3, shuffle=False, feature=feature
    )
    return np.concatenate(list(batches.as_numpy_iterator()))


def main(
    run: pathlib.Path,
    samples: int = 500,
    epochs: int = 3,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> None:
    keras.utils.set_random_seed(seed)
    opened = Run(run)
    model = opened.model
    name, size = opened.recipe.data.name, model.input_shape[0]
    num_segments = len(scenes.SEGMENT_COLORS)
    network = segmenter(model.input_shape, num_segments)
    network.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    train, test = (
        (
            load(name, split, size, "image"),
            load(name, split, size, "segmentation"),
        )
        for split in ("train", "test")
    )
    network.fit(
        train[0],
        scenes.segments(train[1]),
        batch_size=32,
        epochs=epochs,
        verbose=2,
    )
    images, requested = test[0][:samples], scenes.segments(test[1][:samples])
    of_condition = model.condition_tokenizer.input_shape[0]
    pictures = load(name, "test", of_condition, "segmentation")[:samples]

    labels = None
    if model.num_classes:
        batches = data.load(name, "test", samples, labels=True, shuffle=False)
        labels = next(batches.as_numpy_iterator())[1][:samples]
    drawn = model.generate(
        samples,
        labels=labels,
        condition=pictures,
        seed=seed,
        temperature=temperature,
        top_k=top_k,
    )
    shown = {
        "samples": drawn,
        "reconstructions": model.predict(images, verbose=0),
        "test images": images,
        "samples for other segmentations": np.roll(drawn, 1, axis=0),
    }
    found = {}
    for title, part in shown.items():
        logits = network.predict(part, batch_size=100, verbose=0)
        found[title] = logits.argmax(-1)
        agreement = np.mean(found[title] == requested)
        solid = requested > 1
        on_solids = np.mean(found[title][solid] == requested[solid])
        print(
            f"{title}: {agreement:.1%} of all pixels agree, {on_solids:.1%} of "
            "those of solids"
        )
    colors = scenes.SEGMENT_COLORS[found["samples"][:16]] / 255.0
    rows = {
        "requested": pictures[:16],
        "sample": drawn[:16],
        "recognized": colors,
    }
    save_figure(comparison_grid(rows), run / "conditions.png")
    print(f"Wrote {run / 'conditions.png'}")


if __name__ == "__main__":
    typer.run(main)
