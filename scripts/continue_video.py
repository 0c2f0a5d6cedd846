"""Continue test clips with a prior over the codes of a tokenizer of video.

    keras-vq train vqvae_moving_mnist
    keras-vq train maskgit_moving_mnist
    python scripts/continue_video.py runs/maskgit_moving_mnist

Gives the first frames of test clips to the prior and draws the others. Prints
the PSNR of what it drew, of the frames that the tokenizer reconstructs, and of
the last given frame, repeated. Writes to the run's folder `continued.png`, true
frames above the continued ones, and `continued/*.gif`, both side by side.
"""

import pathlib

import numpy as np
import typer

from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import frames_of
from keras_vq.callbacks.plots import save_figure
from keras_vq.callbacks.reconstruction_grid import image_psnr
from keras_vq.data.video import write_gif
from keras_vq.recipes import Run
from keras_vq.recipes.data import first_examples


def main(
    run: pathlib.Path,
    given: int | None = None,
    num: int = 8,
    seed: int = 0,
) -> None:
    opened = Run(run)
    generator = opened.model
    frames, *size, _ = generator.input_shape
    given = frames // 2 if given is None else given
    if not 0 < given < frames:
        raise typer.BadParameter(f"--given must be from 1 to {frames - 1}")
    split = opened.recipe.data.test_split
    clips, labels = first_examples(opened.recipe, generator, split, num)
    is_new = np.zeros((frames, *size), bool)
    is_new[given:] = True
    hidden = np.where(is_new[..., None], clips[:, given - 1 : given], clips)
    drawn = generator.inpaint(hidden, is_new, labels, seed=seed)
    for name, found in {
        "continued": drawn,
        "reconstructed": generator.tokenizer.predict(clips, verbose=0),
        "last frame": hidden,
    }.items():
        psnr = image_psnr(*(frames_of(x[:, given:]) for x in (clips, found)))
        print(f"{name}: PSNR {psnr.mean():.2f} dB")
    rows = {"true": frames_of(clips), "continued": frames_of(drawn)}
    captions = ["given" if i < given else "" for i in range(frames)] * num
    save_figure(comparison_grid(rows, frames, captions), run / "continued.png")
    folder = run / "continued"
    folder.mkdir(exist_ok=True)
    for number, pair in enumerate(zip(clips, drawn, strict=True)):
        write_gif(folder / f"{number:02d}.gif", np.concatenate(pair, axis=2))
    print(f"Wrote {run / 'continued.png'} and {num} animations.")


if __name__ == "__main__":
    typer.run(main)
