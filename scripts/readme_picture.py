"""Draw the README's picture: test images of runs above their reconstructions.

    python scripts/readme_picture.py runs/vqvae_mnist runs/vqvae_cifar10 \
        runs/vqvae_scenes docs/images/reconstructions.png
"""

import sys

import numpy as np
from matplotlib.figure import Figure

from keras_vq import data
from keras_vq.callbacks.plots import save_figure
from keras_vq.recipes import Run

COLUMNS = 12


def pairs(path):
    """The first test images of a run, and their reconstructions."""
    run = Run(path)
    model = run.model
    height, width, channels = model.input_shape
    test = data.load(
        run.recipe.data.name,
        f"test[:{COLUMNS}]",
        image_size=(height, width),
        channels=channels,
        shuffle=False,
    )
    images = next(iter(test)).numpy()
    return images, model.decode(model.encode(images))


def main():
    *runs, out = sys.argv[1:]
    figure = Figure(figsize=(COLUMNS, 2.08 * len(runs)), facecolor="white")
    groups = figure.subfigures(len(runs), 1, squeeze=False)[:, 0]
    for run, group in zip(runs, groups, strict=True):
        axes = group.subplots(2, COLUMNS)
        group.subplots_adjust(0.002, 0.01, 0.998, 0.97, 0.03, 0.03)
        for line, pictures in zip(axes, pairs(run), strict=True):
            for axis, picture in zip(line, pictures, strict=True):
                axis.axis("off")
                axis.imshow(np.clip(picture, 0, 1).squeeze(), cmap="gray")
    save_figure(figure, out, dpi=90)


if __name__ == "__main__":
    main()
