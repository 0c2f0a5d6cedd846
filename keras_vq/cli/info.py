import json
import math
import pathlib

import rich
from rich.table import Table

from keras_vq import models
from keras_vq import priors
from keras_vq.cli.run import Run
from keras_vq.zoo.recipe import Recipe


def print_info(target):
    """Print what a run or a recipe is: its sizes, settings and results."""
    if pathlib.Path(target).is_dir():
        run = Run(target)
        recipe = run.recipe
        done, _ = run.checkpoint()
        state = "complete" if run.model_path.exists() else f"epoch {done} done"
        results = run.path / "results.json"
        figures = json.loads(results.read_text()) if results.exists() else {}
    else:
        recipe = Recipe.load(target)
        state, figures = "recipe", {}

    table = Table(title=str(target), box=None, show_header=False)
    table.add_row("state", state)
    for name, value in _sizes(recipe).items():
        table.add_row(name, value)
    values = recipe.model_dump(exclude={"quick", "model"})
    for section, settings in values.items():
        for name, value in settings.items():
            table.add_row(f"{section}.{name}", str(value))
    for name, value in figures.items():
        table.add_row(f"test {name}", f"{value:.4g}")
    rich.print(table)


def _sizes(recipe):
    """Number of parameters, shape of the latents and rate of the model."""
    model = recipe.build()
    sizes = {
        "model": type(model).__name__,
        "parameters": f"{model.count_params():,}",
    }
    if isinstance(model, priors.Prior):
        shape = " x ".join(map(str, model.code_shape))
        return {**sizes, "codes": f"{shape} of {model.num_embeddings}"}
    if not isinstance(model, models.Tokenizer):
        shape = " x ".join(map(str, model.latent_shape))
        return {**sizes, "latents": f"{shape} numbers"}
    bits = model.code_bits
    values = math.prod(model.input_shape)
    codes = [
        f"{' x '.join(map(str, shape))} of {k}" for shape, k in model.code_maps
    ]
    return {
        **sizes,
        "codes": " and ".join(codes),
        "rate": f"{bits:,.0f} bits per input, {bits / values:.3f} per value",
        "compression": f"{8 * values / bits:.1f} times, from 8 bits per value",
    }
