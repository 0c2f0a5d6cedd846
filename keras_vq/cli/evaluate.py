import numpy as np
import rich
import tqdm
from rich.table import Table

from keras_vq import data
from keras_vq.cli.run import Run

_INPUTS_AT_ONCE = 200


def evaluate_run(path, num_importance_samples):
    """Measure a run's model on its test data; see `keras-vq evaluate`."""
    run = Run(path)
    model = run.load_model()
    test = data.load(
        split=run.recipe.data.test_split,
        shuffle=False,
        **run.recipe.data.load_arguments(model.input_shape),
    )
    results = model.evaluate(test, return_dict=True, verbose=0)
    if num_importance_samples is not None:
        if not hasattr(model, "evaluate_log_likelihood"):
            raise ValueError(
                "--importance-samples needs a model with a likelihood, a VAE. "
                f"Received: {type(model).__name__}"
            )
        images = np.concatenate(list(test.as_numpy_iterator()))
        bounds = [
            model.evaluate_log_likelihood(
                images[i : i + _INPUTS_AT_ONCE], num_importance_samples, seed=i
            )
            for i in tqdm.trange(
                0, len(images), _INPUTS_AT_ONCE, desc="Likelihood", delay=2
            )
        ]
        name = f"negative log-likelihood, {num_importance_samples} samples"
        results[name] = -np.mean(np.concatenate(bounds))
    table = Table("on the test data", "", show_header=True, box=None)
    for name, value in results.items():
        table.add_row(name, f"{value:.4g}")
    rich.print(table)
