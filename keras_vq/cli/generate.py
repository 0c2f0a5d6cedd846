from typing import Annotated
from typing import Optional

import typer

from keras_vq.cli.options import Png
from keras_vq.cli.options import RunDir


def generate(
    run: RunDir,
    num: Annotated[int, typer.Option(help="Number of samples.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the noise.", min=0)] = 0,
    label: Annotated[
        Optional[int],
        typer.Option(
            help="Class of all samples. [default: each in turn]", min=0
        ),
    ] = None,
    out: Png = None,
) -> None:
    """Generate images with a prior or another generative model.

    Example: keras-vq generate runs/pixelcnn_mnist --num 64 --out grid.png
    """
    from keras_vq.callbacks.plots import save_figure
    from keras_vq.callbacks.sample_grid import sample_grid
    from keras_vq.recipes import Run
    from keras_vq.recipes.data import first_conditions

    source = Run(run)
    model = source.model
    if not model.can_generate:
        raise ValueError(
            f"A {type(model).__name__} cannot generate: its latents need a "
            "prior. Train one, as `keras-vq train pixelcnn_mnist` does."
        )
    conditions = first_conditions(source.recipe, model, num)
    if conditions and len(conditions["condition"]) < num:
        raise ValueError(
            "Each sample needs a condition from the run's test data, which "
            f"has {len(conditions['condition'])}. Received: --num {num}"
        )
    if label is not None:
        conditions["labels"] = label
    out = out or run / "samples.png"
    save_figure(sample_grid(model, num, seed, **conditions), out)
    print(f"Wrote {out}: {num} samples of seed {seed}.")
