import keras
import numpy as np

from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import frames_of
from keras_vq.callbacks.plots import image_grid
from keras_vq.callbacks.spectrograms import spectrograms
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_seed
from keras_vq.checks import check_type
from keras_vq.checks import title


class SampleGrid(EpochPicture):
    """Draws generated images after each epoch.

    The noise is the same each time, so that figures can be compared.

    Args:
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        num_samples: int, number of samples. Defaults to 64.
        seed: int, random seed of the noise. Defaults to 0.
        generator: The model that generates, such as a
            `keras_vq.LatentGenerator` with the prior being trained. None uses
            the trained model itself. Defaults to None.
        labels: int array `(num_samples,)` or int, for a conditional model. None
            cycles through the classes. Defaults to None.
        condition: array `(num_samples, ...)`, for a generator with a condition;
            images are drawn above their samples. Defaults to None.

    Example:

    ```python
    model = keras_vq.zoo.vae(images.shape[1:], network="mlp")
    grid = keras_vq.callbacks.SampleGrid("samples", num_samples=4)
    model.fit(images, callbacks=[grid])
    ```
    """

    def __init__(
        self,
        directory,
        num_samples=64,
        seed=0,
        generator=None,
        labels=None,
        condition=None,
    ):
        super().__init__(directory)
        self.num_samples = check_int("num_samples", num_samples)
        self.seed = check_seed(seed)
        if generator is not None:
            check_type("generator", generator, keras.Model, "a model")
        self.generator = generator
        self.labels = labels
        self.condition = condition

    def draw(self):
        return sample_grid(
            self.generator or self.model,
            self.num_samples,
            self.seed,
            self.labels,
            self.condition,
        )[0]


def sample_grid(
    model, num_samples, seed, labels=None, condition=None, **drawing
):
    """Plot a grid of generated images.

    Recordings are drawn as spectrograms, each video as a row of frames.

    Args:
        model: A model that `can_generate`.
        num_samples: int, number of samples.
        seed: int, random seed of the noise.
        labels: int array `(num_samples,)` or int, for a conditional model. None
            cycles through the classes, with one column per class if there are
            at most ten. Defaults to None.
        condition: array `(num_samples, ...)`, for a generator with a condition.
            Defaults to None.
        **drawing: `temperature`, `guidance_scale` and others of the model's
            `generate`.

    Returns:
        `figure, samples`: `matplotlib.figure.Figure` and the array.

    Raises:
        ValueError: If labels are given for a model without classes, or are out
            of range.
    """
    check_memory(f"num_samples={num_samples}", num_samples, *model.input_shape)
    classes = model.num_classes
    if labels is not None and classes is None:
        raise ValueError(
            f"{title(model)} has no classes. Received: labels={labels}"
        )
    columns, names, captions = 8, None, None
    arguments = {"seed": seed, **drawing}
    caption = f"{num_samples} samples"
    if classes is not None:
        if np.ndim(labels) == 0 and labels is not None:
            caption += f" of class {labels}"
            labels = np.full(num_samples, labels)
        elif labels is None:
            labels = np.arange(num_samples) % classes
            if classes <= 10:
                columns, names = classes, [f"class {k}" for k in range(classes)]
            else:
                captions = [f"class {k}" for k in labels]
        else:
            captions = [f"class {k}" for k in labels]
        arguments["labels"] = labels
    if condition is not None:
        arguments["condition"] = condition
    images = samples = model.generate(num_samples, **arguments)
    if samples.ndim == 3:
        images = spectrograms(samples)
    elif samples.ndim == 5:
        images, columns, names = frames_of(samples), samples.shape[1], None
        if captions is None and classes is not None:
            captions = [f"class {k}" for k in labels]
        if captions is not None:  # below the first frame
            captions = [
                text
                for caption in captions
                for text in [caption, *[""] * (columns - 1)]
            ]
    options = [f"{k.replace('_', ' ')} {x}" for k, x in drawing.items()]
    caption = ", ".join([caption, f"seed {seed}", *options])
    if samples.ndim == 4 and _are_images(condition):
        rows = {"condition": condition, "sample": images}
        figure = comparison_grid(rows, captions=captions, title=caption)
    else:
        figure = image_grid(
            images, columns, names, captions=captions, title=caption
        )
    return figure, samples


def _are_images(condition):
    """Whether a condition is images: not codes, which are other integers."""
    if np.ndim(condition) != 4 or condition.shape[-1] not in (1, 3):
        return False
    return condition.dtype == "uint8" or "float" in str(condition.dtype)
