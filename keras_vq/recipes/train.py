import pathlib
import shutil
import sys

import keras

from keras_vq import callbacks
from keras_vq import models
from keras_vq import priors
from keras_vq import zoo
from keras_vq.callbacks.finite_check import FiniteCheck
from keras_vq.checks import check_type
from keras_vq.data.audio import AudioFolder
from keras_vq.data.folder import ImageFolder
from keras_vq.data.load import is_folder
from keras_vq.data.tokenize import provenance_of
from keras_vq.data.video import VideoFolder
from keras_vq.extras import is_installed
from keras_vq.generator import LatentGenerator
from keras_vq.recipes.data import first_conditions
from keras_vq.recipes.data import first_examples
from keras_vq.recipes.data import load_training_data
from keras_vq.recipes.data import variance_of
from keras_vq.recipes.fingerprint import warn_of_changes
from keras_vq.recipes.fingerprint import write_fingerprint
from keras_vq.recipes.recipe import Recipe
from keras_vq.recipes.run import Run
from keras_vq.recipes.run import with_tokenizer
from keras_vq.saving.locked import locked

# Number of images in the pictures of each epoch, and to scale the latents.
NUM_PICTURES = 16
# Recordings or videos of a figure.
NUM_CLIPS = 8
NUM_SCALED = 256
_EPOCHS = {"epochs", "training.epochs"}


def train(
    recipe, out=None, dataset=None, settings=None, epochs=None, quick=False
):
    """Train a model from a recipe, in a new folder.

    Args:
        recipe: `Recipe`, name of a recipe in the zoo, or path of a TOML file.
        out: str or Path, folder to create. Defaults to None, `runs/NAME`.
        dataset: str or None, data to use instead of the recipe's: `"scenes"`,
            a TFDS name, or a folder of images. Defaults to None.
        settings: dict or None, values of the recipe to change, such as
            `{"num_embeddings": 64}`. Defaults to None.
        epochs: int or None, epochs to train. Defaults to None, the recipe's.
        quick: bool, whether to apply the recipe's changes for a short trial
            run. Defaults to False.

    Returns:
        `Run`, with the trained `model`, its `history` and its `results`.

    Raises:
        ValueError: If the recipe is unknown, or a value is not valid.
        FileExistsError: If `out` exists.

    Example:

    ```python
    run = keras_vq.recipes.train("vqvae_mnist", out="runs/first", epochs=2)
    run.model.encode(images)
    run.history["val_loss"]
    ```
    """
    out = out or default_path(recipe)
    recipe = resolved(recipe, dataset, settings, epochs, quick)
    Run.check_free(out)

    keras.utils.set_random_seed(recipe.training.seed)
    parts = recipe.load_parts()
    model = _initial_model(recipe, parts)
    check_model(recipe, model, parts)
    whole = _whole(model, parts)
    loaded = load_training_data(recipe, whole)
    recipe = with_variance(recipe, loaded)
    run = Run.create(out, recipe)
    with locked(run.path):
        _announce(recipe, whole, loaded)
        write_fingerprint(run, loaded)
        try:
            _prepare(recipe, model, loaded)
            return _fit(run, model, parts, loaded, first_epoch=0)
        except ValueError:
            if run.checkpoint()[1] is None:  # refused for what its data hold
                shutil.rmtree(run.path)
            raise


def default_path(recipe):
    """The folder of a recipe's run, if no other is given: `runs/NAME`."""
    name = recipe.model if isinstance(recipe, Recipe) else recipe
    return pathlib.Path("runs") / pathlib.Path(name).stem


def resume(path):
    """Resume an interrupted run, with the result of an uninterrupted one.

    Args:
        path: str or Path, folder of the run.

    Returns:
        `Run`; see `train`.

    Raises:
        FileNotFoundError: If there is no run in the folder.
        BlockingIOError: If another process is training it.
        ValueError: If a file of the run is damaged.

    Example:

    ```python
    run = keras_vq.recipes.resume("runs/vqvae_mnist")
    ```
    """
    run = Run(path)
    if run.is_complete:
        return run
    with locked(run.path):
        return _resume(run)


def _resume(run):
    recipe = run.recipe
    keras.utils.set_random_seed(recipe.training.seed)
    parts = recipe.load_parts()
    epoch, model = run.newest_model()
    run.prepare_to_resume(epoch)
    is_new = model is None
    if is_new:
        model = _initial_model(recipe, parts)
    loaded = load_training_data(recipe, _whole(model, parts), epoch)
    warn_of_changes(run, loaded)
    if is_new:
        _prepare(recipe, model, loaded)
    return _fit(run, model, parts, loaded, first_epoch=epoch)


def _initial_model(recipe, parts):
    """The model to train, compiled: a new one, or that of a preset or run."""
    model = recipe.build(**parts)
    if recipe.training.preset is None:
        return model
    start = _start_of(recipe.training.preset)
    if isinstance(start, LatentGenerator):
        start = start.prior
    if type(start) is not type(model):
        raise ValueError(
            f"training.preset must be a {type(model).__name__}, as the recipe "
            f"builds. Received: {recipe.training.preset!r}, a "
            f"{type(start).__name__}"
        )
    shapes, expected = ([w.shape for w in m.weights] for m in (start, model))
    if shapes != expected or _data_shape(start) != _data_shape(model):
        raise ValueError(
            f"training.preset={recipe.training.preset!r} has other layers than "
            "the recipe's arguments build. Give the recipe that it was trained "
            "with."
        )
    optimizer = model.optimizer
    start.compile(type(optimizer).from_config(optimizer.get_config()))
    return start


def _start_of(preset):
    """The model of a run's folder, or a published model or preset."""
    path = pathlib.Path(preset).expanduser()
    if (path / "recipe.toml").is_file() and Run(path).model_path.is_file():
        return Run(path).model
    return zoo.load(preset)


def _data_shape(model):
    """Shape of one example: of codes for a prior, else of an input."""
    is_prior = isinstance(model, priors.Prior)
    return model.code_shape if is_prior else model.input_shape


def resolved(recipe, dataset=None, settings=None, epochs=None, quick=False):
    """A recipe with changes and absolute paths; see `train`."""
    if not isinstance(recipe, Recipe):
        recipe = Recipe.load(recipe)
    settings = check_type("settings", settings or {}, dict, "a dict or None")
    changes = dict(recipe.quick) if quick else {}
    if dataset is not None:
        changes["data.name"] = str(dataset)
        # What suits few images and steps too, whatever the recipe's data need.
        changes["training.adapt"] = None
        starts_new = recipe.changed(settings).training.preset is None
        if starts_new and "decay_warmup" in recipe.arguments:
            changes["arguments.decay_warmup"] = True
    if epochs is not None:
        changes["training.epochs"] = epochs
    for name, value, keys in (
        ("dataset", dataset, {"name", "data.name"}),
        ("epochs", epochs, _EPOCHS),
    ):
        if value is not None and keys & settings.keys():
            raise ValueError(
                f"`{name}` is given twice. Received: {name}={value!r} and "
                f"settings={settings}"
            )
    if quick or epochs is not None or _EPOCHS & settings.keys():
        changes["training.min_steps"] = 0
    recipe = recipe.changed(changes).changed(settings)
    arguments = [k for k in settings if recipe.locate(k)[0] == "arguments"]
    if recipe.training.preset is not None and arguments:
        raise ValueError(
            "A trained model keeps its arguments. Received: training.preset="
            f"{recipe.training.preset!r} and {', '.join(arguments)}"
        )
    paths = {
        f"arguments.{name}": value
        for name, value in recipe.arguments.items()
        if str(value).endswith(".keras")
    }
    if is_folder(recipe.data.name):
        paths["data.name"] = recipe.data.name
    start = recipe.training.preset
    if start is not None and pathlib.Path(start).is_dir():
        paths["training.preset"] = start
    return recipe.changed(
        {key: str(pathlib.Path(path).resolve()) for key, path in paths.items()}
    )


def check_model(recipe, model, parts):
    """Raise unless a recipe's model can be trained as the recipe says."""
    if recipe.training.adapt and not isinstance(model, models.Tokenizer):
        raise ValueError(
            "training.adapt initializes a codebook. Received: adapt=true for "
            f"{recipe.model}, which has none."
        )
    if recipe.data.condition is not None and not isinstance(
        model, priors.Prior
    ):
        raise ValueError(
            "data.condition is the condition of a prior. Received: condition="
            f"{recipe.data.condition!r} for {recipe.model}, a first stage"
        )
    shape = _whole(model, parts).input_shape
    if len(shape) > 2 and shape[-1] not in (1, 3):
        raise ValueError(
            "Recipes train on images, of `input_shape` (height, width, 1 or "
            "3), on audio, (time, channels), and on video, (frames, height, "
            f"width, 1 or 3). Received: input_shape={shape}"
        )


def _announce(recipe, model, loaded):
    """Print what the data are and how long the run is."""
    name, (_, _, steps) = recipe.data.name, loaded
    found = ""
    if is_folder(name) and provenance_of(name) is None:
        kinds = {2: AudioFolder, 3: ImageFolder, 4: VideoFolder}
        found = f" ({kinds[len(model.input_shape)](name)})"
    epochs = recipe.training.epochs
    count = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    print(
        f"Training on {name}{found}: {count} of {steps} steps, "
        f"{epochs * steps} in all."
    )


def with_variance(recipe, loaded):
    """The recipe with the training data's variance in place of `"auto"`."""
    if recipe.arguments.get("data_variance") != "auto":
        return recipe
    batches, _, steps = loaded
    variance = variance_of(batches, steps)
    return recipe.changed({"arguments.data_variance": variance})


def _whole(model, parts):
    """The model, or the generator of a prior and its tokenizer."""
    if isinstance(model, priors.Prior):
        return with_tokenizer(model, parts)
    return model


def _prepare(recipe, model, loaded):
    """Set what depends on the data: variance, schedule and codebooks."""
    batches, _, steps = loaded
    training = recipe.training
    if "data_variance" in recipe.arguments:
        variance = recipe.factory_arguments()["data_variance"]
        if variance is not None:
            model.likelihood.variance = variance
    if training.schedule == "cosine":
        model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
            training.learning_rate, steps * training.epochs
        )
    if starts_from_data(recipe, model, steps):
        model.adapt(batches.take(steps), seed=training.seed)


def starts_from_data(recipe, model, steps):
    """Whether the codebooks are initialized from `steps` training batches."""
    if recipe.training.preset is not None:
        return False  # its codebooks are trained
    if recipe.training.adapt is not None:
        return recipe.training.adapt
    num_inputs = (steps - 1) * recipe.data.batch_size + 1
    return isinstance(model, models.Tokenizer) and model.can_adapt(num_inputs)


def _fit(run, model, parts, loaded, first_epoch):
    batches, test, steps = loaded
    whole = _whole(model, parts)
    if first_epoch < run.recipe.training.epochs:
        log = keras.callbacks.CSVLogger(run.path / "metrics.csv", append=True)
        pictures = list(_picture_callbacks(run, whole))
        try:
            model.fit(
                batches,
                validation_data=test,
                epochs=run.recipe.training.epochs,
                initial_epoch=first_epoch,
                steps_per_epoch=steps,
                shuffle=False,  # the data set does that itself
                verbose=1 if sys.stdout.isatty() else 2,
                callbacks=[
                    FiniteCheck(),
                    *_monitors(model),
                    log,
                    *pictures,
                    *_board(run, pictures),
                    # Last: it saves a model that the others have seen.
                    callbacks.EpochCheckpoint(run.path / "checkpoints"),
                ],
            )
        finally:
            if log.csv_file is not None:  # Keras closes it after success alone
                log.csv_file.close()
    if isinstance(model, models.FirstStage) and model.latent_scale is not None:
        split = run.recipe.data.train_split
        images, labels = first_examples(run.recipe, model, split, NUM_SCALED)
        model.adapt_latent_scale(images, labels)
    results = model.evaluate(test, return_dict=True, verbose=0)
    run.finish(whole, {name: float(value) for name, value in results.items()})
    return run


def _monitors(model):
    if isinstance(model, models.Tokenizer):
        yield callbacks.CodebookMonitor()


def _board(run, pictures):
    if is_installed("tensorboard"):
        yield callbacks.TensorBoard(
            run.path / "logs",
            pictures,
            run.recipe.hyperparameters(),
            write_graph=False,
        )


def _picture_callbacks(run, model):
    path, recipe = run.path, run.recipe
    if not is_installed("matplotlib"):
        print(
            "The run has no pictures: matplotlib is not installed. Install "
            "with: pip install 'keras_vq[plots]'"
        )
        return
    if not isinstance(model, models.FirstStage):
        conditions = first_conditions(recipe, model, NUM_PICTURES)
        count = NUM_CLIPS if len(model.input_shape) != 3 else 64
        count = len(conditions["condition"]) if conditions else count
        yield callbacks.SampleGrid(
            path / "samples", count, generator=model, **conditions
        )
        return
    split = recipe.data.test_split
    is_video = len(model.input_shape) == 4
    count = NUM_CLIPS if is_video else NUM_PICTURES
    images, labels = first_examples(recipe, model, split, count)
    yield callbacks.ReconstructionGrid(images, path / "reconstructions", labels)
    if isinstance(model, models.VQVAE2):
        yield callbacks.LevelReconstructions(images[:8], path / "levels")
    if isinstance(model, models.Tokenizer):
        yield callbacks.CodebookPlot(path / "codebook")
    elif len(model.input_shape) == 3:
        yield callbacks.LatentInterpolation(
            images, path / "interpolations", labels=labels
        )
    if model.can_generate and len(model.input_shape) == 3:
        yield callbacks.SampleGrid(path / "samples")
