"""Measure how much of speech a codec keeps, at each number of stages.

    python scripts/train_classifier.py spoken_digit runs/classifier_spoken \
        --train-split "train[:90%]" --test-split "train[90%:]" \
        --sample-rate 8000 --clip-seconds 0.6
    python scripts/judge_codec.py runs/audio_codec_spoken_digit \
        runs/classifier_spoken

For the test recordings and their reconstructions from the first stages: the
share that a classifier reads as the digit that was spoken, SI-SDR, mel
distance, bits per second and the compression of 16-bit samples. For a codec
that streams, also the seconds that a second of sound takes, in chunks of 50
positions. Writes `rate_distortion.png` and `judged.json` to the run's folder.
The clips of both models must have the same length.
"""

import json
import pathlib
import time

import keras
import numpy as np
import typer

from keras_vq import data
from keras_vq import metrics
from keras_vq.callbacks.plots import blank_figure
from keras_vq.callbacks.plots import save_figure
from keras_vq.layers import ResidualVectorQuantizer
from keras_vq.recipes import Run
from keras_vq.saving.files import written_whole

# Positions of a streamed chunk.
_POSITIONS = 50


def numbers_of_codes(model):
    """Codes per position to decode, from the coarsest to all."""
    quantizer = model.quantizer
    if not isinstance(quantizer, ResidualVectorQuantizer):
        return [None]
    return np.cumsum(quantizer.counts).tolist()


def measure(original, found, labels, reader, sample_rate):
    read = reader.predict(found, batch_size=250, verbose=0).argmax(-1)
    results = {"accuracy": float(np.mean(read == labels))}
    for metric in (metrics.SISDR(), metrics.MelDistance(sample_rate)):
        metric.update_state(original, found)
        results[metric.name] = float(metric.result())
    return results


def streaming_seconds(model, clips, sample_rate):
    """Seconds that a second of sound takes to encode and decode."""
    stream = model.stream()
    sound = np.concatenate(list(clips))[None]
    length = _POSITIONS * stream.hop
    chunks = [
        sound[:, i : i + length]
        for i in range(0, sound.shape[1] - length + 1, length)
    ]
    stream.decode(stream.encode(chunks[0]))  # compiles
    start = time.perf_counter()
    for chunk in chunks[1:]:
        stream.decode(stream.encode(chunk))
    seconds = time.perf_counter() - start
    return seconds / (len(chunks[1:]) * length / sample_rate)


def plot(rows, path):
    figure = blank_figure(figsize=(9, 3))
    rates = [row["kilobits_per_second"] for row in rows]
    names = ("accuracy", "si_sdr", "mel_distance")
    for axis, name in zip(figure.subplots(1, 3), names, strict=True):
        axis.plot(rates, [row[name] for row in rows], marker="o")
        axis.set_xlabel("kbit/s")
        axis.set_title(name.replace("_", " "))
    save_figure(figure, path)


def main(run: pathlib.Path, classifier: pathlib.Path) -> None:
    opened = Run(run)
    model, recipe = opened.model, opened.recipe
    options = recipe.data.load_arguments(model)
    options |= {"labels": True, "batch_size": 500}
    batches = data.load(split=recipe.data.test_split, shuffle=False, **options)
    clips, labels = map(np.concatenate, zip(*batches.as_numpy_iterator()))
    reader = keras.models.load_model(classifier / "classifier.keras")
    rate = recipe.data.sample_rate
    of_originals = measure(clips, clips, labels, reader, rate)["accuracy"]
    print(f"originals: {of_originals:.1%} of {len(clips)} read")

    codes = model.encode(clips)
    seconds = clips.shape[1] / rate
    rows = []
    for count in numbers_of_codes(model):
        found = model.decode(codes if count is None else codes[..., :count])
        bits = model.code_bits
        if count is not None:
            bits *= count / codes.shape[-1]
        kilobits = bits / seconds / 1000
        rows.append(
            {
                "codes_per_position": count or 1,
                "kilobits_per_second": kilobits,
                "compression": 16 * rate / 1000 / kilobits,
                **measure(clips, found, labels, reader, rate),
            }
        )
        print({k: round(x, 3) for k, x in rows[-1].items()})
    plot(rows, run / "rate_distortion.png")
    results = {"originals": of_originals, "reconstructions": rows}
    if isinstance(model.quantizer, ResidualVectorQuantizer):
        seconds = streaming_seconds(model, clips[:100], rate)
        results["streaming_seconds"] = seconds
        print(f"streaming: {seconds:.3f} s for a second of sound")
    with written_whole(run / "judged.json") as temporary:
        temporary.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
