import pathlib

import keras
import numpy as np
import rich
import tqdm
from rich.table import Table

from keras_vq import metrics
from keras_vq.cli.run import Run
from keras_vq.cli.split import load_split
from keras_vq.generator import LatentGenerator

_INPUTS_AT_ONCE = 200
# The width of the window of the structural similarity.
_LEAST_SIZE = 11


def evaluate_run(path, num_importance_samples, features, split):
    """Measure a run's model; see `keras-vq evaluate`."""
    run = Run(path)
    model = run.load_model()
    if num_importance_samples and not hasattr(model, "evaluate_log_likelihood"):
        raise ValueError(
            "--importance-samples needs a model with a likelihood, a VAE. "
            f"Received: {type(model).__name__}"
        )
    measures = []
    if not isinstance(model, LatentGenerator):
        measures = _image_metrics(model, features)
    elif features is not None:
        raise ValueError(
            "--features compares images with what is left of them after "
            f"encoding. Received: {path}, the run of a prior"
        )
    split = split or run.recipe.data.test_split
    test = load_split(run.recipe, model, split, shuffle=False)
    if isinstance(model, LatentGenerator):
        results = model.prior.evaluate(test, return_dict=True, verbose=0)
    else:
        results = model.evaluate(test, return_dict=True, verbose=0)
    if num_importance_samples is not None:
        name = f"negative log-likelihood, {num_importance_samples} samples"
        results[name] = _negative_log_likelihood(
            model, test, num_importance_samples
        )
    if measures:
        _compare(model, test, measures)
    results |= {metric.name: float(metric.result()) for metric in measures}
    table = Table(f"on {split}", "", show_header=True, box=None)
    for name, value in results.items():
        table.add_row(name, f"{value:.4g}")
    rich.print(table)


def _compare(model, test, measures):
    """Update metrics with images and what the model makes of them."""
    for images, *labels in _batches(test, "Images"):
        latents = model.encode(images, *labels)
        outputs = model.decode(latents, *labels)
        for metric in measures:
            metric.update_state(images, outputs)


def _image_metrics(model, features):
    measures = [metrics.PSNR()]
    if min(model.input_shape[:2]) >= _LEAST_SIZE:
        measures.append(metrics.SSIM())
    if features == "inception":
        measures.append(metrics.FrechetDistance())
    elif features is not None:
        if not pathlib.Path(features).is_file():
            raise FileNotFoundError(
                f"There is no feature network at {features}. Give the .keras "
                "file of a model from images to features, or 'inception'."
            )
        network = keras.models.load_model(features, compile=False)
        measures.append(metrics.FrechetDistance(network))
    return measures


def _batches(test, name):
    """Tuples of arrays, images and labels if there are some."""
    batches = test.unbatch().batch(_INPUTS_AT_ONCE).as_numpy_iterator()
    for batch in tqdm.tqdm(batches, desc=name, delay=2, leave=False):
        yield batch if isinstance(batch, tuple) else (batch,)


def _negative_log_likelihood(model, test, num_samples):
    bounds = []
    for i, inputs in enumerate(_batches(test, "Likelihood")):
        seed = i * _INPUTS_AT_ONCE
        bounds.append(
            model.evaluate_log_likelihood(
                *inputs, num_importance_samples=num_samples, seed=seed
            )
        )
    return -np.mean(np.concatenate(bounds))
