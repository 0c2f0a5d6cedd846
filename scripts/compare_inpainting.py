"""Inpaint the same images with several priors, side by side.

    python scripts/compare_inpainting.py docs/images/inpainting.png \
        pixelcnn_mnist runs/maskgit_mnist runs/vq_diffusion_mnist

Hides the upper half of test digits, or their left half, and draws it again with
each prior, given the label. A left-to-right prior sees nothing of what is below
and to the right of a code; the others see all that is known.
"""

import pathlib
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import typer

from keras_vq.callbacks.plots import save_figure
from keras_vq.recipes import Run
from keras_vq.recipes.data import first_examples


def main(
    out: pathlib.Path,
    runs: Annotated[list[str], typer.Argument()],
    count: int = 6,
    seed: int = 0,
) -> None:
    opened = [Run(run) for run in runs]
    recipe = opened[0].recipe
    images, labels = first_examples(
        recipe, opened[0].model, recipe.data.test_split, count
    )
    size = images.shape[1:3]
    masks = {
        "upper half": np.zeros(size, bool),
        "left half": np.zeros(size, bool),
    }
    masks["upper half"][: size[0] // 2] = True
    masks["left half"][:, : size[1] // 2] = True
    titles = ["image", "hidden", *(pathlib.Path(run).name for run in runs)]
    figure, axes = plt.subplots(
        2 * count,
        len(titles),
        figsize=(1.5 * len(titles), 2.6 * count),
        squeeze=False,
    )
    for part, mask in enumerate(masks.values()):
        hidden = np.where(mask[None, ..., None], 0.5, images)
        columns = [images, hidden]
        for run in opened:
            columns.append(
                run.model.inpaint(images, mask, labels=labels, seed=seed)
            )
        for column, pictures in enumerate(columns):
            for row, picture in enumerate(pictures, start=part * count):
                axis = axes[row, column]
                axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
                axis.axis("off")
                if row == 0:
                    axis.set_title(titles[column], fontsize=9)
    figure.tight_layout()
    save_figure(figure, out)
    print(f"Wrote {out}")


if __name__ == "__main__":
    typer.run(main)
