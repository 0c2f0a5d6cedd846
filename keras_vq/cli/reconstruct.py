from typing import Annotated

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Images
from keras_vq.cli.options import Label
from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import report_picture
from keras_vq.cli.options import write_clips

_NUM_PICTURES = 16


def reconstruct(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    levels: Annotated[
        bool,
        typer.Option(
            "--levels", help="Show what each level of a VQ-VAE-2 adds."
        ),
    ] = False,
    out: Png = None,
    data_dir: DataDir = None,
) -> None:
    """Plot images and their reconstructions; write recordings and videos.

    Example: keras-vq reconstruct runs/vqvae_mnist photo.jpg
    """
    from keras_vq.callbacks.level_reconstructions import level_reconstructions
    from keras_vq.callbacks.reconstruction_grid import psnr_grid
    from keras_vq.callbacks.reconstruction_grid import reconstruction_grid
    from keras_vq.recipes import Run
    from keras_vq.recipes.data import examples

    source = Run(run)
    model = source.first_stage
    x, labels = examples(source, images, label, _NUM_PICTURES)
    if levels:
        rows = level_reconstructions(model, x)
        figure = psnr_grid(rows, rows["all"])
    else:
        figure = reconstruction_grid(model, x, labels)
    path = out or source.picture_path("reconstruction.png")
    report_picture(path, figure, f"{figure.get_suptitle()}.")
    if len(model.input_shape) != 3:
        outputs = model.decode(model.encode(x, labels), labels)
        clips = {"original": x, "reconstruction": outputs}
        write_clips(path, clips, source.recipe.data.sample_rate)
