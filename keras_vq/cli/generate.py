from pathlib import Path
from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import DataDir
from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir
from keras_vq.cli.options import report_picture
from keras_vq.cli.options import write_clips


def generate(
    run: RunDir,
    num: Annotated[int, typer.Option(help="Number of samples.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the noise.", min=0)] = 0,
    label: Annotated[
        Optional[int],
        typer.Option(
            help="Class of all samples.", show_default="each in turn", min=0
        ),
    ] = None,
    temperature: Annotated[
        Optional[float],
        typer.Option(
            help="Below 1, more likely samples; 0, the most likely.", min=0
        ),
    ] = None,
    top_k: Annotated[
        Optional[int],
        typer.Option(help="Draw from the K most likely codes.", min=1),
    ] = None,
    top_p: Annotated[
        Optional[float],
        typer.Option(
            help="Draw from the smallest set of codes of probability P.",
            min=0,
            max=1,
        ),
    ] = None,
    guidance: Annotated[
        Optional[float],
        typer.Option(
            help="Classifier-free guidance: 1 for none, more to follow the "
            "label more closely."
        ),
    ] = None,
    steps: Annotated[
        Optional[int],
        typer.Option(
            help="Steps of a prior that samples in steps.",
            show_default="the model's",
            min=1,
        ),
    ] = None,
    condition: Annotated[
        Optional[list[Path]],
        typer.Option(
            help="Image to condition on. Repeatable, one per sample.",
            show_default="the run's test data",
        ),
    ] = None,
    out: Png = None,
    data_dir: DataDir = None,
) -> None:
    """Generate images, sounds or videos with a prior or another model.

    Example: keras-vq generate runs/pixelcnn_mnist --num 64 --out grid.png
    """
    from keras_vq.callbacks.sample_grid import sample_grid
    from keras_vq.generator import LatentGenerator
    from keras_vq.recipes import Run
    from keras_vq.recipes.data import conditions_of_files
    from keras_vq.recipes.data import first_conditions

    source = Run(run)
    model = source.model
    if not model.can_generate:
        raise ValueError(
            f"A {type(model).__name__} cannot generate: its latents need a "
            "prior. Train one, as `keras-vq train pixelcnn_mnist` does."
        )
    if condition:
        conditions, num = conditions_of_files(model, condition), len(condition)
    else:
        conditions = first_conditions(source.recipe, model, num)
    if conditions and len(conditions["condition"]) < num:
        raise ValueError(
            "Each sample needs a condition from the run's test data, which "
            f"has {len(conditions['condition'])}. Received: --num {num}"
        )
    if label is not None:
        conditions["labels"] = label
    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "guidance_scale": guidance,
        "num_steps": steps,
    }
    drawing = {k: x for k, x in options.items() if x is not None}
    if drawing and not isinstance(model, LatentGenerator):
        raise ValueError(
            f"A {type(model).__name__} draws from a normal distribution and "
            "takes no --temperature, --top-k, --top-p, --guidance or --steps."
        )
    path = out or source.picture_path("samples.png")
    figure, samples = sample_grid(model, num, seed, **conditions, **drawing)
    report_picture(path, figure, f"{num} samples of seed {seed}.")
    write_clips(path, {"sample": samples}, source.recipe.data.sample_rate)
