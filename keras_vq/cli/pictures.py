"""The commands that draw."""

from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import Images
from keras_vq.cli.options import Label
from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import Steps


def reconstruct(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    levels: Annotated[
        bool,
        typer.Option("--levels", help="What each level of a VQ-VAE-2 adds."),
    ] = False,
    out: Png = None,
) -> None:
    """Draw images beside what the model makes of their latents.

    Example: keras-vq reconstruct runs/vqvae_mnist photo.jpg
    """
    from keras_vq.cli.reconstruct import reconstruct_images

    out = out or run / "reconstruction.png"
    reconstruct_images(run, images or [], label, levels, out)


def generate(
    run: RunDir,
    num: Annotated[int, typer.Option(help="Number of samples.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the noise.", min=0)] = 0,
    label: Annotated[
        Optional[int],
        typer.Option(
            help="Class of all samples. [default: each in turn]", min=0
        ),
    ] = None,
    out: Png = None,
) -> None:
    """Draw new images, by a model that can.

    Example: keras-vq generate runs/pixelcnn_mnist --num 64 --out grid.png
    """
    from keras_vq.cli.generate import generate_images

    generate_images(run, num, seed, label, out or run / "samples.png")


def interpolate(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    steps: Steps = 8,
    out: Png = None,
) -> None:
    """Draw the way from one image to the next through the latent space.

    Example: keras-vq interpolate runs/vae_mnist
    """
    from keras_vq.cli.latents import interpolate_images

    out = out or run / "interpolation.png"
    interpolate_images(run, images or [], label, steps, out)


def traverse(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    dims: Annotated[
        int, typer.Option(help="Dimensions, the most varied first.", min=1)
    ] = 8,
    steps: Steps = 8,
    out: Png = None,
) -> None:
    """Draw what single dimensions of the latent mean, a row each.

    Example: keras-vq traverse runs/vae_mnist --dims 4
    """
    from keras_vq.cli.latents import traverse_dimensions

    out = out or run / "traversal.png"
    traverse_dimensions(run, images or [], label, dims, steps, out)
