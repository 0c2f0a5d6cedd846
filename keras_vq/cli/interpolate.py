from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Images
from keras_vq.cli.options import Label
from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import Steps
from keras_vq.cli.options import report_picture

# Number of test images if no files are given: eight pairs.
_NUM_IMAGES = 16


def interpolate(
    run: RunDir,
    images: Images = None,
    label: Label = None,
    steps: Steps = 8,
    out: Png = None,
    data_dir: DataDir = None,
) -> None:
    """Interpolate between pairs of images in the latent space.

    Example: keras-vq interpolate runs/vae_mnist
    """
    from keras_vq.callbacks.latent_paths import interpolation_grid
    from keras_vq.recipes import Run
    from keras_vq.recipes.data import examples

    source = Run(run)
    x, labels = examples(source, images, label, _NUM_IMAGES)
    figure = interpolation_grid(source.first_stage, x, steps, labels)
    report_picture(
        out or source.picture_path("interpolation.png"),
        figure,
        f"{figure.get_suptitle()}.",
    )
