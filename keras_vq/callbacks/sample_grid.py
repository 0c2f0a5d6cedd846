import numpy as np

from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import image_grid


class SampleGrid(EpochPicture):
    """Writes a picture of what the model generates after each epoch.

    The same noise each time, so that pictures can be compared. A conditional
    model shows each of its classes in turn.

    Args:
        directory: Folder for `epoch_0001.png` and so on; made if missing.
        num_samples: int, number of samples. Defaults to 64.
        seed: int, of the noise. Defaults to 0.
        generator: What generates, a `keras_vq.LatentGenerator` of the prior
            that is trained, say; None for the model itself. Defaults to None.
        labels: int array `(num_samples,)`, of a conditional model; None for
            each class in turn. Defaults to None.
        condition: array `(num_samples, ...)`, of a generator that is told
            something besides; pictures are drawn above their samples. Defaults
            to None.

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
        self.num_samples = num_samples
        self.seed = seed
        self.generator = generator
        self.told = {"labels": labels, "condition": condition}

    def draw(self):
        model = self.generator or self.model
        return sample_grid(model, self.num_samples, self.seed, **self.told)


def sample_grid(
    model, num_samples, seed, label=None, labels=None, condition=None
):
    """A picture of what a model generates.

    Args:
        model: A model with `generate`.
        num_samples: int, number of samples.
        seed: int, of the noise.
        label: int, the class of all samples; None for each class in turn, a
            column each where there are at most ten. Defaults to None.
        labels: int array `(num_samples,)`, in place of it. Defaults to None.
        condition: array `(num_samples, ...)`, what a conditional prior is told.
            Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is a label and the model is not conditional, or it
            has no such class.
    """
    classes = getattr(model, "num_classes", None)
    if condition is not None:
        if label is not None:
            labels = np.full(num_samples, label)
        images = model.generate(
            num_samples, labels=labels, condition=condition, seed=seed
        )
        if condition.shape[-1] in (1, 3) and condition.ndim == 4:
            return comparison_grid({"condition": condition, "sample": images})
        return image_grid(images)
    if classes is None:
        if label is not None:
            raise ValueError(
                f"A {type(model).__name__} has no classes. Received: "
                f"label={label}"
            )
        return image_grid(model.generate(num_samples, seed=seed))
    if label is not None:
        images = model.generate(num_samples, labels=label, seed=seed)
        return image_grid(images)
    if labels is None:
        labels = np.arange(num_samples) % classes
    images = model.generate(num_samples, labels=labels, seed=seed)
    return image_grid(images, columns=classes if classes <= 10 else 8)
