import pathlib

import numpy as np
from tqdm.auto import tqdm

from keras_vq import metrics
from keras_vq import models
from keras_vq.callbacks.plots import frames_of
from keras_vq.generator import LatentGenerator
from keras_vq.recipes.data import load_split
from keras_vq.saving.model_file import load_model_file

_BATCH_SIZE = 200
# Width of the window of the structural similarity.
_SSIM_WINDOW = 11
# Samples of the frames of spectrograms.
_FRAME_LENGTH = 512


def evaluate(run, split=None, features=None, num_importance_samples=None):
    """Evaluate the model of a run on its data.

    Args:
        run: `Run`.
        split: str or None, split to evaluate. Defaults to None, the recipe's
            test split.
        features: str, Path or None, a network for the Fréchet distance of the
            reconstructions: `"inception"`, or the `.keras` file of a model
            from images to features. Defaults to None.
        num_importance_samples: int or None, samples per input to also bound the
            log-likelihood of a VAE. Defaults to None.

    Returns:
        dict, metric names to float: the results of the model's `evaluate`, and
        for a first stage also PSNR and SSIM, for video of each frame, or
        SI-SDR, log-spectral and mel distance of audio. Losses are of the
        decoder's outputs, PSNR and SSIM of the images that `decode` returns,
        which are clipped to their range.

    Raises:
        ValueError: If a metric does not apply to the model.
        FileNotFoundError: If there is no feature network at `features`.

    Example:

    ```python
    run = keras_vq.recipes.Run("runs/vqvae_mnist")
    keras_vq.recipes.evaluate(run)["psnr"]
    ```
    """
    model = run.model
    split = split or run.recipe.data.test_split
    if num_importance_samples and not isinstance(model, models.VAE):
        raise ValueError(
            "`num_importance_samples` bounds the likelihood of a VAE. "
            f"Received: {type(model).__name__}"
        )
    if isinstance(model, LatentGenerator):
        if features is not None:
            raise ValueError(
                "`features` compares images with their reconstructions. "
                f"Received: {run.path}, the run of a prior"
            )
        test = load_split(run.recipe, model, split, shuffle=False)
        model.prior.compile("sgd")  # Keras requires an optimizer, unused here
        return model.prior.evaluate(test, return_dict=True, verbose=0)
    compared = _compared_metrics(model, run.recipe.data.sample_rate, features)
    test = load_split(run.recipe, model, split, shuffle=False)
    results = model.evaluate(test, return_dict=True, verbose=0)
    if num_importance_samples:
        name = f"negative log-likelihood, {num_importance_samples} samples"
        results[name] = _negative_log_likelihood(
            model, test, num_importance_samples
        )
    for images, labels in _batches(test, "Comparing images"):
        latents = model.encode(images, labels)
        outputs = model.decode(latents, labels)
        if images.ndim == 5:
            images, outputs = map(frames_of, (images, outputs))
        for metric in compared:
            metric.update_state(images, outputs)
    return results | {m.name: float(m.result()) for m in compared}


def _audio_metrics(model, sample_rate, features):
    if features is not None:
        raise ValueError(
            "`features` compares images with their reconstructions. Received: "
            f"input_shape={model.input_shape}, audio"
        )
    length = min(_FRAME_LENGTH, model.input_shape[0] // 4 * 4)
    return [
        metrics.SISDR(),
        metrics.LogSpectralDistance(length),
        metrics.MelDistance(sample_rate, length),
    ]


def _compared_metrics(model, sample_rate, features):
    if len(model.input_shape) == 2:
        return _audio_metrics(model, sample_rate, features)
    compared = [metrics.PSNR()]
    if min(model.input_shape[-3:-1]) >= _SSIM_WINDOW:
        compared.append(metrics.SSIM())
    if features == "inception":
        compared.append(metrics.FrechetDistance())
    elif features is not None:
        if not pathlib.Path(features).is_file():
            raise FileNotFoundError(
                f"There is no feature network at {features}. Give the .keras "
                "file of a model from images to features, or 'inception'."
            )
        network = load_model_file(features, compile=False)
        compared.append(metrics.FrechetDistance(network))
    return compared


def _negative_log_likelihood(model, test, num_samples):
    bounds = []
    batches = _batches(test, "Estimating the log-likelihood")
    for i, (images, labels) in enumerate(batches):
        bounds.append(
            model.evaluate_log_likelihood(
                images,
                labels,
                num_importance_samples=num_samples,
                seed=i * _BATCH_SIZE,
            )
        )
    return float(-np.mean(np.concatenate(bounds)))


def _batches(test, description):
    """Yield images and labels of a data set; None if there are no labels."""
    batches = test.unbatch().batch(_BATCH_SIZE).as_numpy_iterator()
    for batch in tqdm(batches, desc=description, delay=2, leave=False):
        yield batch if isinstance(batch, tuple) else (batch, None)
