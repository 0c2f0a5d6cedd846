import csv
import json
import os
import pathlib
import shutil
import zipfile

import keras

from keras_vq import priors
from keras_vq.callbacks import EpochCheckpoint
from keras_vq.callbacks.plots import save_figure
from keras_vq.callbacks.plots import training_curves
from keras_vq.generator import LatentGenerator
from keras_vq.saving.files import TEMPORARY
from keras_vq.saving.files import written_whole
from keras_vq.zoo.parts import load_part
from keras_vq.zoo.recipe import Recipe


class Run:
    """The folder that one training run fills.

    `recipe.toml` is the recipe with all values resolved, `metrics.csv` has a
    row for each epoch, `logs/` is for TensorBoard, `checkpoints/` for a
    resume, `reconstructions/` and `codebook/` hold a picture for each epoch;
    `curves.png`, `results.json` and `model.keras` come at the end.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not (self.path / "recipe.toml").is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: it has no "
                "recipe.toml. `keras-vq train` makes one."
            )
        self.recipe = Recipe.load(self.path / "recipe.toml")

    @staticmethod
    def check_free(path):
        """Raise if the folder of a new run cannot be made at `path`."""
        path = pathlib.Path(path)
        if path.exists():
            raise FileExistsError(
                f"{path} exists. Continue that run with --resume {path}, or "
                "give another folder with --out."
            )
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise PermissionError(
                f"Cannot make {path}: {parent} is not a folder that can be "
                "written to. Give another folder with --out."
            )

    @classmethod
    def create(cls, path, recipe):
        """Make the folder of a new run."""
        path = pathlib.Path(path)
        cls.check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.mkdir()
            (temporary / "recipe.toml").write_text(recipe.to_toml())
        return cls(path)

    @property
    def model_path(self):
        return self.path / "model.keras"

    def checkpoint(self):
        """Epochs done and the newest checkpoint, `(0, None)` before any."""
        return EpochCheckpoint.latest(self.path / "checkpoints")

    def load_model(self):
        """The trained model, or the newest checkpoint of an unfinished run."""
        path = self.model_path
        if not path.exists():
            _, path = self.checkpoint()
        if path is None:
            raise FileNotFoundError(
                f"{self.path} has no model yet. Continue the run with "
                f"keras-vq train --resume {self.path}"
            )
        return with_tokenizer(self.recipe, load_keras_file(path))

    def load_first_stage(self):
        """As `load_model`; ValueError where that is a prior."""
        model = self.load_model()
        if isinstance(model, LatentGenerator):
            raise ValueError(
                f"{self.path} is the run of a prior. Take that of its "
                f"tokenizer, {self.recipe.arguments['tokenizer']}."
            )
        return model

    def remove_unfinished(self):
        """Remove what a killed process was writing."""
        for path in self.path.rglob(f"{TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)

    def forget_epochs_after(self, epoch):
        """Drop the rows of `metrics.csv` that a resumed run writes anew."""
        path = self.path / "metrics.csv"
        if not path.exists():
            return
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        kept = rows[:1] + [
            row
            for row in rows[1:]
            if len(row) == len(rows[0]) and int(row[0]) < epoch
        ]
        with written_whole(path) as temporary:
            with temporary.open("w", newline="") as file:
                csv.writer(file).writerows(kept if epoch else [])

    def history(self):
        """What `metrics.csv` holds, names to lists, one value an epoch."""
        with (self.path / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name != "epoch"]
        return {name: [float(row[name]) for row in rows] for name in names}

    def finish(self, model, results):
        """Write the trained model, its training curves and its results."""
        curves = training_curves(self.history())
        save_figure(curves, self.path / "curves.png")
        with written_whole(self.path / "results.json") as temporary:
            temporary.write_text(json.dumps(results, indent=2) + "\n")
        with written_whole(self.model_path) as temporary:
            model.save(temporary)


def with_tokenizer(recipe, model):
    """A prior with the tokenizer that its recipe names; others as they are."""
    if not isinstance(model, priors.Prior):
        return model
    arguments = recipe.factory_arguments()
    parts = {
        name: load_part(arguments.get(name), name)
        for name in ("tokenizer", "condition_tokenizer")
    }
    return LatentGenerator(prior=model, **parts)


def load_keras_file(path):
    """A model from a `.keras` file; ValueError where it is not whole."""
    try:
        return keras.models.load_model(path)
    except (
        zipfile.BadZipFile,
        OSError,
        KeyError,
        ValueError,
        EOFError,
    ) as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"Cannot load {path}: it is damaged or not a .keras file of "
            f"keras_vq ({first})."
        ) from error
