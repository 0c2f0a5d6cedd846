"""Continue test clips with a prior over the codes of a tokenizer of video.

    keras-vq train vqvae_moving_mnist
    keras-vq train maskgit_moving_mnist
    python scripts/train_classifier.py moving_mnist runs/classifier_moving \
        --num-classes 100 --num-frames 8 --hidden-dim 16
    python scripts/continue_video.py runs/maskgit_moving_mnist \
        --classifier runs/classifier_moving

Gives the first frames of test clips to the prior and draws the others. Prints
the PSNR of what it drew, of the frames that the tokenizer reconstructs, and of
the last given frame, repeated, and the share of clips in which a classifier
reads both digits from these frames. Writes to the run's folder `continued.png`,
true frames above the continued ones, and `continued/*.gif`, both side by side.
"""

import pathlib

import keras
import numpy as np
import typer

from keras_vq import data
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import frames_of
from keras_vq.callbacks.plots import save_figure
from keras_vq.callbacks.reconstruction_grid import image_psnr
from keras_vq.data.video import write_gif
from keras_vq.recipes import Run

# Clips in the picture.
_NUM_PICTURED = 8


def main(
    run: pathlib.Path,
    classifier: pathlib.Path | None = None,
    given: int | None = None,
    num: int = 100,
    seed: int = 0,
    temperature: float | None = None,
) -> None:
    opened = Run(run)
    generator = opened.model
    frames, *size, _ = generator.input_shape
    given = (frames + 1) // 2 if given is None else given
    if not 0 < given < frames:
        raise typer.BadParameter(f"--given must be from 1 to {frames - 1}")
    clips, labels = test_clips(opened, num, classifier is not None)
    is_new = np.zeros((frames, *size), bool)
    is_new[given:] = True
    hidden = np.where(is_new[..., None], clips[:, given - 1 : given], clips)
    sampling = {} if temperature is None else {"temperature": temperature}
    if generator.num_classes is not None:
        sampling["labels"] = labels
    drawn = generator.inpaint(hidden, is_new, seed=seed, **sampling)
    for name, found in {
        "true": clips,
        "reconstructed": generator.tokenizer.predict(clips, verbose=0),
        "continued": drawn,
        "last frame": hidden,
    }.items():
        pair = (frames_of(x[:, given:]) for x in (clips, found))
        line = f"{name}: PSNR {image_psnr(*pair).mean():.2f} dB"
        if classifier is not None:
            share = read_share(classifier, found[:, given:], labels)
            line += f", both digits read in {share:.1%}"
        print(line)
    few = slice(_NUM_PICTURED)
    rows = {"true": frames_of(clips[few]), "continued": frames_of(drawn[few])}
    captions = ["given" if i < given else "" for i in range(frames)]
    figure = comparison_grid(rows, frames, captions * len(clips[few]))
    save_figure(figure, run / "continued.png")
    folder = run / "continued"
    folder.mkdir(exist_ok=True)
    for number, both in enumerate(zip(clips[few], drawn[few], strict=True)):
        write_gif(folder / f"{number:02d}.gif", np.concatenate(both, axis=2))
    print(f"Wrote {run / 'continued.png'} and {folder}.")


def test_clips(run, num, labels):
    options = run.recipe.data.load_arguments(run.model)
    options["labels"] |= labels
    options |= {"batch_size": num, "shuffle": False}
    batch = next(
        data.load(
            split=run.recipe.data.test_split, **options
        ).as_numpy_iterator()
    )
    return batch if isinstance(batch, tuple) else (batch, None)


def read_share(classifier, clips, labels):
    """Share of the clips that a classifier reads as labeled."""
    reader = keras.models.load_model(classifier / "classifier.keras")
    read = reader.predict(clips, batch_size=20, verbose=0).argmax(-1)
    return np.mean(read == labels)


if __name__ == "__main__":
    typer.run(main)
