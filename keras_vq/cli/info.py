import math
import pathlib
from typing import Annotated

import typer


def info(
    target: Annotated[
        str, typer.Argument(help="Folder of a run, or a recipe's name or file.")
    ],
) -> None:
    """Describe a run or a recipe: sizes, rate, settings and results.

    Example: keras-vq info vqvae_mnist
    """
    import rich
    from rich.table import Table

    from keras_vq import recipes

    model = None
    if pathlib.Path(target).is_dir():
        run = recipes.Run(target)
        recipe, results = run.recipe, run.results
        epoch, _ = run.checkpoint()
        state = f"{epoch} epochs completed"
        if run.is_complete:
            state, model = "complete", run.model
    else:
        recipe, results = recipes.Recipe.load(target), {}
        state = "recipe"
    if model is None:
        model = recipe.build(**recipe.load_parts())

    table = Table(title=target, box=None, show_header=False)
    table.add_row("state", state)
    for name, value in _sizes(model).items():
        table.add_row(name, value)
    values = recipe.model_dump(exclude={"quick", "model"})
    for section, settings in values.items():
        for name, value in settings.items():
            table.add_row(f"{section}.{name}", str(value))
    for name, value in results.items():
        table.add_row(f"test {name}", f"{value:.4g}")
    rich.print(table)


def _sizes(model):
    """Parameters, shape of the latents and rate of a model."""
    from keras_vq import models
    from keras_vq import priors
    from keras_vq.generator import LatentGenerator

    if isinstance(model, LatentGenerator):
        model = model.prior
    sizes = {
        "model": type(model).__name__,
        "parameters": f"{model.count_params():,}",
    }
    if isinstance(model, priors.Prior):
        if model.is_continuous:
            return {**sizes, "latents": _numbers(model.code_shape)}
        return {**sizes, "codes": _codes(model)}
    if not isinstance(model, models.Tokenizer):
        return {**sizes, "latents": _numbers(model.latent_shape)}
    bits = model.code_bits
    values = math.prod(model.input_shape)
    return {
        **sizes,
        "codes": _codes(model),
        "rate": f"{bits:,.0f} bits per input, {bits / values:.3f} per value",
        "compression": f"{8 * values / bits:.1f} times, from 8 bits per value",
    }


def _numbers(shape):
    return f"{' x '.join(map(str, shape))} numbers"


def _codes(model):
    return " and ".join(
        f"{' x '.join(map(str, shape))} of {k}" for shape, k in model.code_maps
    )
