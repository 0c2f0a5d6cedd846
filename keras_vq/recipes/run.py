import csv
import functools
import json
import os
import pathlib
import warnings

from keras_vq import priors
from keras_vq import zoo
from keras_vq.callbacks import EpochCheckpoint
from keras_vq.callbacks.plots import save_figure
from keras_vq.callbacks.plots import training_curves
from keras_vq.checks import check_path
from keras_vq.extras import is_installed
from keras_vq.generator import LatentGenerator
from keras_vq.published import published
from keras_vq.recipes.recipe import Recipe
from keras_vq.saving.files import TEMPORARY
from keras_vq.saving.files import read_json
from keras_vq.saving.files import remove_unfinished
from keras_vq.saving.files import written_whole
from keras_vq.saving.model_file import load_model_file
from keras_vq.saving.preset import METADATA


class Run:
    """The folder of a training run.

    `recipe.toml` is the recipe with all values resolved, `metrics.csv` has one
    row per epoch, `logs/` is for TensorBoard, `checkpoints/` for resuming;
    `reconstructions/`, `codebook/` and others hold one picture per epoch.
    `curves.png`, `results.json` and `model.keras` are written at the end.

    Args:
        path: str or Path, the folder; or the name of a published model, which
            has a recipe, results and a model too.

    Raises:
        FileNotFoundError: If it is not the folder of a run.

    Example:

    ```python
    run = keras_vq.recipes.Run("runs/vqvae_mnist")
    codes = run.model.encode(images)
    run.history["val_loss"][-1]
    ```
    """

    def __init__(self, path):
        self.path = pathlib.Path(check_path("path", path)).expanduser()
        self.is_published = not self.path.exists() and str(path) in published(
            METADATA
        )
        if self.is_published:
            self.path = published(METADATA)[str(path)]
        if not (self.path / "recipe.toml").is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: it has no "
                "recipe.toml. `keras-vq train` creates one. Published models "
                f"are {', '.join(published(METADATA))}."
            )
        self.recipe = Recipe.load(self.path / "recipe.toml")

    # === Reading ===

    @functools.cached_property
    def model(self):
        """The trained model, or the newest checkpoint of an unfinished run.

        A prior is returned as a `keras_vq.LatentGenerator` with its tokenizer.
        """
        if self.is_published:
            return zoo.load(str(self.path))
        found = self.newest_model()[1]
        if found is None:
            raise FileNotFoundError(
                f"{self.path} has no model yet. Resume the run with `keras-vq "
                f"train --resume {self.path}`."
            )
        if isinstance(found, priors.Prior):
            return with_tokenizer(found, self.recipe.load_parts())
        return found

    def newest_model(self):
        """The trained model, or else the newest checkpoint.

        Damaged files are passed over with a warning, if an older one is whole.

        Returns:
            `epochs, model`: the number of completed epochs, and the model;
            `(0, None)` if there is no file.

        Raises:
            ValueError: If all files are damaged, or hold another model.
        """
        files = EpochCheckpoint.all(self.path / "checkpoints")[::-1]
        if self.model_path.exists():
            files.insert(0, (self.recipe.training.epochs, self.model_path))
        reasons = []
        for epochs, path in files:
            try:
                model = load_model_file(path)
            except ValueError as error:
                reasons.append(str(error))
                continue
            expected = self.recipe.model_class()
            whole = isinstance(model, LatentGenerator)
            trained = model.prior if whole else model
            if not isinstance(trained, expected):
                raise ValueError(
                    f"{path} is not the model of this run. Received: a "
                    f"{type(trained).__name__}. Expected: a "
                    f"{expected.__name__}, as its recipe.toml says."
                )
            if reasons:
                warnings.warn(f"{reasons[0]} Using {path}.", stacklevel=2)
            return epochs, model
        if reasons:
            raise ValueError(reasons[0])
        return 0, None

    @property
    def first_stage(self):
        """`model`; a ValueError for the run of a prior."""
        if isinstance(self.model, LatentGenerator):
            raise ValueError(
                f"{self.path} is the run of a prior. Give the run of its "
                f"tokenizer, {self.recipe.arguments['tokenizer']}."
            )
        return self.model

    @property
    def history(self):
        """dict, names of logs to lists of one value per epoch."""
        path = self.path / "metrics.csv"
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                names = [x for x in reader.fieldnames or () if x != "epoch"]
                rows = list(reader)
            return {name: [float(row[name]) for row in rows] for name in names}
        except (ValueError, TypeError, csv.Error) as error:
            raise ValueError(
                f"{path} is damaged: it must have a row of numbers for each "
                "epoch."
            ) from error

    @property
    def results(self):
        """dict, metrics on the test data; empty until the run is complete."""
        path = self.path / "results.json"
        if not path.is_file():
            return {}
        try:
            return {k: float(x) for k, x in read_json(path).items()}
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged: it must hold an object of numbers."
            ) from error

    @property
    def model_path(self):
        """Path of the trained model."""
        return self.path / "model.keras"

    @property
    def is_complete(self):
        """Whether training has ended."""
        return self.is_published or self.model_path.exists()

    def picture_path(self, name):
        """Path of a picture: in the folder, or here for a published model."""
        if self.is_published:
            return pathlib.Path(f"{self.path.name}_{name}")
        return self.path / name

    def checkpoint(self):
        """Completed epochs and newest checkpoint, or `(0, None)`."""
        return EpochCheckpoint.latest(self.path / "checkpoints")

    # === Writing ===

    @staticmethod
    def check_free(path):
        """Raise if the folder of a new run cannot be created at `path`."""
        path = pathlib.Path(path)
        try:
            str(path.absolute()).encode()
        except UnicodeEncodeError as error:  # TensorBoard cannot write there
            raise ValueError(
                f"The name of a run's folder must be UTF-8. Received: {path!r}"
            ) from error
        if path.exists():
            raise FileExistsError(
                f"{path} exists. Resume that run with --resume {path}, or "
                "give another folder with --out."
            )
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise PermissionError(
                f"Cannot create {path}: {parent} is not a writable folder. "
                "Give another folder with --out."
            )

    @classmethod
    def create(cls, path, recipe):
        """Create the folder of a new run."""
        path = pathlib.Path(path)
        cls.check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.mkdir()
            (temporary / "recipe.toml").write_text(
                recipe.to_toml(), encoding="utf-8"
            )
        return cls(path)

    def prepare_to_resume(self, epoch):
        """Remove what an interrupted run wrote after its last checkpoint.

        Args:
            epoch: int, completed epochs.
        """
        unfinished = self.path.rglob(f"{TEMPORARY}*/")
        remove_unfinished(unfinished, and_empty=True)
        path = self.path / "metrics.csv"
        if not path.exists():
            return
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
        kept = rows[:1] + [
            row
            for row in rows[1:]
            if len(row) == len(rows[0]) and int(row[0]) < epoch
        ]
        with written_whole(path) as temporary:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(kept if epoch else [])

    def finish(self, model, results):
        """Write training curves, results and the trained model."""
        if is_installed("matplotlib"):
            curves = training_curves(self.history)
            save_figure(curves, self.path / "curves.png")
        with written_whole(self.path / "results.json") as temporary:
            temporary.write_text(
                json.dumps(results, indent=2) + "\n", encoding="utf-8"
            )
        with written_whole(self.model_path) as temporary:
            model.save(temporary)
        self.model = model


def with_tokenizer(prior, parts):
    """The `LatentGenerator` of a prior and the tokenizers of its recipe.

    Args:
        prior: `keras_vq.priors.Prior`.
        parts: dict, what `Recipe.load_parts` returned.
    """
    return LatentGenerator(
        parts["tokenizer"], prior, parts.get("condition_tokenizer")
    )
