"""Whether a run is resumed with what it was started with."""

import hashlib
import json
import warnings

import numpy as np

from keras_vq.saving.files import read_json
from keras_vq.saving.files import written_whole
from keras_vq.training.batches import first_batch

_FILE = "fingerprint.json"
_MEANINGS = {
    "recipe": "its recipe.toml",
    "data": "the first test images",
}


def write_fingerprint(run, loaded):
    """Record the recipe and the data of a new run.

    Args:
        run: `Run`.
        loaded: What `load_training_data` returns.
    """
    with written_whole(run.path / _FILE) as temporary:
        text = json.dumps(_fingerprint(run, loaded), indent=2) + "\n"
        temporary.write_text(text, encoding="utf-8")


def warn_of_changes(run, loaded):
    """Warn if a run's recipe or data differ from those it was started with.

    Paths may differ: a run may have been moved.
    """
    if not (run.path / _FILE).is_file():
        return
    before, now = read_json(run.path / _FILE), _fingerprint(run, loaded)
    changed = [
        meaning
        for name, meaning in _MEANINGS.items()
        if before.get(name) != now[name]
    ]
    if changed:
        warnings.warn(
            f"{run.path} was started with something else: "
            f"{' and '.join(changed)} changed since. The result will not be "
            "that of an uninterrupted run.",
            stacklevel=3,
        )


def _fingerprint(run, loaded):
    values = run.recipe.hyperparameters()
    settings = {
        name: str(value)
        for name, value in values.items()
        if not str(value).endswith(".keras") and name != "name"
    }
    _, test, _ = loaded
    _, batch, labels = first_batch(test)
    digest = hashlib.sha256()
    for array in (*_arrays(batch), *_arrays(labels)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "recipe": hashlib.sha256(
            json.dumps(settings, sort_keys=True).encode()
        ).hexdigest(),
        "data": digest.hexdigest(),
    }


def _arrays(batch):
    if isinstance(batch, tuple):
        return [array for part in batch for array in _arrays(part)]
    return [] if batch is None else [batch]
