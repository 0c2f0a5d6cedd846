"""Train a small classifier that judges samples and provides features.

    python scripts/train_classifier.py mnist runs/classifier_mnist
    python scripts/train_classifier.py spoken_digit runs/classifier_spoken \
        --train-split "train[:90%]" --test-split "train[90%:]" \
        --sample-rate 8000 --clip-seconds 0.6
    python scripts/train_classifier.py moving_mnist runs/classifier_moving \
        --num-classes 100 --num-frames 8 --hidden-dim 16

Recordings are classified by their spectrograms, videos by the features of their
frames. Writes to the folder
`classifier.keras`, which maps images in [0, 1] to probabilities; two models
that share its weights, `features.keras`, which outputs a vector (for `keras-vq
evaluate --features`), and `maps.keras`, which outputs feature maps of three
sizes (for `perceptual_loss`); and `results.json` with the test accuracy.
"""

import json
import pathlib
from typing import Annotated

import keras
import typer
from keras import layers
from keras import ops

import keras_vq
from keras_vq.layers import FourierFrames
from keras_vq.saving.files import written_whole


def log_spectrogram(audio, frame_length=256):
    """A picture of recordings, time by frequency, of the loudest 40 dB."""
    parts = FourierFrames(frame_length)(audio)
    power = ops.sum(ops.square(parts), axis=-1, keepdims=True)
    loudest = ops.max(power, axis=(1, 2), keepdims=True) + 1e-6
    return layers.BatchNormalization()(ops.log(power / loudest + 1e-4))


def classifier(input_shape, num_classes, hidden_dim):
    """The classifier, its feature vector and its maps, as three models."""
    inputs = keras.Input(input_shape)
    if len(input_shape) == 2:
        x = log_spectrogram(inputs)
    else:
        x = layers.Rescaling(2.0, -1.0)(inputs)
    if len(input_shape) == 4:
        x = ops.reshape(x, (-1, *input_shape[1:]))  # frames, as images
    maps = []
    for size in range(3):
        for strides in (1, 2) if size else (1,):
            x = layers.Conv2D(
                hidden_dim * 2**size, 3, strides, "same", use_bias=False
            )(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
        maps.append(x)
        if not size:
            x = layers.AveragePooling2D(2)(x)
    features = layers.GlobalAveragePooling2D()(x)
    if len(input_shape) == 4:
        features = ops.reshape(features, (-1, input_shape[0], x.shape[-1]))
        features = ops.mean(features, axis=1)
    x = layers.Dropout(0.2)(features)
    outputs = layers.Dense(num_classes, activation="softmax")(x)
    return (
        keras.Model(inputs, outputs),
        keras.Model(inputs, features),
        keras.Model(inputs, maps),
    )


def main(
    name: str,
    out: pathlib.Path,
    epochs: int = 4,
    hidden_dim: int = 32,
    batch_size: int = 64,
    train_split: str = "train",
    test_split: str = "test",
    num_classes: int = 10,
    sample_rate: Annotated[
        int | None, typer.Option(help="Of recordings.")
    ] = None,
    clip_seconds: Annotated[
        float | None, typer.Option(help="Of recordings.")
    ] = None,
    num_frames: Annotated[int | None, typer.Option(help="Of videos.")] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of weights and shuffling.")
    ] = 0,
) -> None:
    keras.utils.set_random_seed(seed)
    options = {
        "batch_size": batch_size,
        "labels": True,
        "sample_rate": sample_rate,
        "clip_seconds": clip_seconds,
        "num_frames": num_frames,
    }
    train = keras_vq.data.load(
        name, train_split, shuffle=True, seed=seed, **options
    )
    test = keras_vq.data.load(name, test_split, shuffle=False, **options)
    shape = train.element_spec[0].shape[1:]
    model, features, maps = classifier(shape, num_classes, hidden_dim)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(train))
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(train, epochs=epochs, shuffle=False, verbose=2)
    results = model.evaluate(test, return_dict=True, verbose=0)
    print(results)
    out.mkdir(parents=True, exist_ok=True)
    for file, part in {
        "classifier": model,
        "features": features,
        "maps": maps,
    }.items():
        with written_whole(out / f"{file}.keras") as temporary:
            part.save(temporary)
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
