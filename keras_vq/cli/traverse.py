from typing import Annotated

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Images
from keras_vq.cli.options import Label
from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import Steps
from keras_vq.cli.options import report_picture

# Test images for the standard deviations, if no files are given.
_NUM_IMAGES = 256


def traverse(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    dims: Annotated[
        int,
        typer.Option(
            help="Number of dimensions, largest variance first.", min=1
        ),
    ] = 8,
    steps: Steps = 8,
    out: Png = None,
    data_dir: DataDir = None,
) -> None:
    """Vary single dimensions of an image's latents, one per row.

    Example: keras-vq traverse runs/vae_mnist --dims 4
    """
    from keras_vq.callbacks.latent_paths import traversal_grid
    from keras_vq.recipes import Run
    from keras_vq.recipes.data import examples

    source = Run(run)
    x, labels = examples(source, images, label, _NUM_IMAGES)
    figure = traversal_grid(source.first_stage, x, dims, steps, labels)
    report_picture(
        out or source.picture_path("traversal.png"),
        figure,
        f"{figure.get_suptitle()}.",
    )
