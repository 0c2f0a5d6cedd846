import numpy as np


def check_labels(model, labels, count=None):
    """Raise unless `labels` (a NumPy array or None) name the model's classes.

    Args:
        model: A model with `num_classes`.
        labels: array, int `(n,)`, or None.
        count: int or None, how many there must be; None for any number.

    Raises:
        ValueError: If they are missing, out of range, or of a wrong shape.
    """
    name = f"{type(model).__name__} `{model.name}`"
    if labels is None:
        raise ValueError(
            f"{name} is conditional and needs a label with each input, as in "
            "`fit(x, labels)`, `predict([x, labels])` or a data set of pairs. "
            "Received no labels."
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"{name} expects labels as integers of shape (batch,). Received: "
            f"shape={labels.shape} and dtype={labels.dtype}"
        )
    if count is not None and len(labels) != count:
        raise ValueError(
            f"{name} expects one label for each example. Received: "
            f"{len(labels)} labels for {count} examples"
        )
    if labels.size and (labels.min() < 0 or labels.max() >= model.num_classes):
        raise ValueError(
            f"{name} has classes 0 to {model.num_classes - 1}. Received: "
            f"labels from {labels.min()} to {labels.max()}"
        )
