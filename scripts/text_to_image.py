"""Train a prior from captions to pictures, and judge what it draws.

    keras-vq train vqvae_scenes32
    python scripts/text_to_image.py runs/vqvae_scenes32 runs/text_to_image

Trains a `TextEncoder` on the captions of `scenes`, a MaskGIT on codes and
encoded captions, and a small network that reads color and kind of the nearest
solid from real pictures. Prints how often the network reads what the caption
says: in samples for captions of the test split, in test pictures, in their
reconstructions, and in samples of other captions, which give the agreement by
chance. Writes the `generator.keras`, `samples.png` with its captions, and
`results.json` to the folder.
"""

import json
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import typer
from keras import layers

from keras_vq import LatentGenerator
from keras_vq import data
from keras_vq import models
from keras_vq import zoo
from keras_vq.callbacks.plots import save_figure
from keras_vq.data import scenes
from keras_vq.data.scenes.scene import SOLIDS
from keras_vq.recipes import Run
from keras_vq.saving.files import written_whole

MAX_LENGTH = 52


def reader(input_shape, hidden_dim=32):
    """A network from pictures to color and kind of the nearest solid."""
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(2.0, -1.0)(inputs)
    for level in range(3):
        for strides in (1, 2):
            x = layers.Conv2D(
                hidden_dim * 2**level, 3, strides, "same", use_bias=False
            )(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dense(128, "relu")(x)
    outputs = [
        layers.Dense(n, "softmax", name=name)(x)
        for name, n in (("color", len(scenes.COLORS)), ("kind", len(SOLIDS)))
    ]
    return keras.Model(inputs, outputs)


def named(captions):
    """Color and kind of the first solid of each caption, as indices."""
    words = [caption.split() for caption in captions]
    return [
        np.array([scenes.COLORS.index(w[1]) for w in words]),
        np.array([SOLIDS.index(w[2]) for w in words]),
    ]


def load(split, size, data_dir=None):
    """Pictures and captions of a split, in the same order."""
    batches = data.load(
        f"scenes/{size}", split, 500, shuffle=False, data_dir=data_dir
    )
    images = np.concatenate(list(batches.as_numpy_iterator()))
    return images, data.load_texts(f"scenes/{size}", split, data_dir=data_dir)


def agreement(network, images, captions):
    """Shares in which color, kind, each or both are read as named."""
    read = network.predict(images, batch_size=250, verbose=0)
    color, kind = (
        found.argmax(-1) == wanted
        for found, wanted in zip(read, named(captions), strict=True)
    )
    return {
        "color": float(color.mean()),
        "kind": float(kind.mean()),
        "each": float((color.mean() + kind.mean()) / 2),
        "both": float(np.mean(color & kind)),
    }


def picture(images, captions, path):
    """Write samples with their captions."""
    figure, axes = plt.subplots(4, 4, figsize=(11, 12))
    for axis, image, caption in zip(axes.flat, images, captions):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(caption.replace(" in front", "\nin front"), fontsize=9)
        axis.axis("off")
    figure.tight_layout()
    save_figure(figure, path)


def main(
    tokenizer_run: pathlib.Path,
    out: pathlib.Path,
    train_split: str = "train",
    samples: int = 1000,
    text_epochs: int = 6,
    prior_epochs: int = 40,
    reader_epochs: int = 8,
    num_layers: int = 4,
    hidden_dim: int = 96,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    guidance_scale: float = 4.0,
    num_steps: int = 16,
    data_dir: str | None = None,
    seed: int = 0,
) -> None:
    keras.utils.set_random_seed(seed)
    tokenizer = Run(tokenizer_run).model
    size = tokenizer.input_shape[0]
    images, captions = load(train_split, size, data_dir)
    test_images, test_captions = load("test", size, data_dir)

    encoder = models.TextEncoder(MAX_LENGTH, hidden_dim=64, seed=seed)
    encoder.compile(keras.optimizers.Adam(1e-3))
    encoder.fit(
        encoder.characters(captions),
        batch_size=64,
        epochs=text_epochs,
        verbose=2,
    )

    steps = prior_epochs * (len(images) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    prior = zoo.maskgit(
        tokenizer,
        num_layers=num_layers,
        hidden_dim=hidden_dim,
        dropout=0.1,
        condition_shape=encoder.condition_shape,
        num_steps=num_steps,
        label_dropout=0.1,
        learning_rate=rate,
        seed=seed,
    )
    condition = encoder.encode(captions, batch_size=256)
    prior.fit(
        (tokenizer.encode(images), condition),
        batch_size=batch_size,
        epochs=prior_epochs,
        verbose=2,
    )
    generator = LatentGenerator(tokenizer, prior, encoder)
    out.mkdir(parents=True, exist_ok=True)
    with written_whole(out / "generator.keras") as temporary:
        generator.save(temporary)

    network = reader(tokenizer.input_shape)
    rate = keras.optimizers.schedules.CosineDecay(
        2e-3, reader_epochs * (len(images) // 64)
    )
    network.compile(
        keras.optimizers.Adam(rate), ["sparse_categorical_crossentropy"] * 2
    )
    network.fit(
        images, named(captions), batch_size=64, epochs=reader_epochs, verbose=2
    )

    texts = (test_captions * -(-samples // len(test_captions)))[:samples]
    drawn = generator.generate(
        samples,
        condition=texts,
        seed=seed,
        batch_size=100,
        guidance_scale=guidance_scale,
    )
    results = {
        "samples": agreement(network, drawn, texts),
        "test pictures": agreement(network, test_images, test_captions),
        "reconstructions": agreement(
            network,
            tokenizer.predict(test_images, verbose=0),
            test_captions,
        ),
        "samples of other captions": agreement(
            network, drawn, texts[1:] + texts[:1]
        ),
    }
    for name, shares in results.items():
        print(name, {k: f"{x:.1%}" for k, x in shares.items()})
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    picture(drawn, texts, out / "samples.png")
    print(f"Wrote {out / 'samples.png'}")


if __name__ == "__main__":
    typer.run(main)
