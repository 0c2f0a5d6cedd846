import pathlib
import sys

import keras
import numpy as np
import rich
import tqdm
from rich.table import Table

from keras_vq import callbacks
from keras_vq import data
from keras_vq import models
from keras_vq import priors
from keras_vq.cli.examples import test_conditions
from keras_vq.cli.examples import test_examples
from keras_vq.cli.run import Run
from keras_vq.cli.run import load_keras_file
from keras_vq.cli.run import with_tokenizer
from keras_vq.cli.split import load_split
from keras_vq.data.load import is_folder
from keras_vq.zoo.recipe import Recipe
from keras_vq.zoo.recipe import parse_setting

NUM_PICTURES = 16
PICTURES = (
    "curves.png",
    "reconstructions",
    "codebook",
    "levels",
    "interpolations",
    "samples",
)


def start_training(name, dataset, settings, epochs, quick, out):
    """Train a new run; see `keras-vq train --help` for the arguments."""
    recipe = Recipe.load(name)
    if quick:
        recipe = recipe.changed(recipe.quick)
    recipe = changed_recipe(recipe, dataset, settings, epochs)
    out = out or pathlib.Path("runs") / pathlib.Path(name).stem
    # Before any work is done.
    Run.check_free(out)
    check_model(recipe)

    keras.utils.set_random_seed(recipe.training.seed)
    train, test, steps = load_data(recipe)
    recipe = with_variance(recipe, train, steps)
    model = _build(recipe, steps, train)
    run = Run.create(out, recipe)
    _fit(run, model, train, test, steps, first_epoch=0)
    _finish(run, model, test)


def changed_recipe(recipe, dataset, settings, epochs):
    """A recipe with what the command line changes, and absolute paths."""
    changes = dict(parse_setting(text) for text in settings)
    if dataset is not None:
        changes["data.name"] = dataset
    if epochs is not None:
        changes["training.epochs"] = epochs
    return _with_absolute_paths(recipe.changed(changes))


def _with_absolute_paths(recipe):
    """The recipe with files and folders that are found from anywhere."""
    paths = {
        f"arguments.{name}": value
        for name, value in recipe.arguments.items()
        if str(value).endswith(".keras")
    }
    if is_folder(recipe.data.name):
        paths["data.name"] = recipe.data.name
    return recipe.changed(
        {key: str(pathlib.Path(path).resolve()) for key, path in paths.items()}
    )


def check_model(recipe):
    """Raise unless a recipe's model can be trained as it says."""
    model = recipe.build()
    if recipe.training.adapt and not isinstance(model, models.Tokenizer):
        raise ValueError(
            "training.adapt starts a codebook from data. Received: adapt=true "
            f"for {recipe.model}, which has none."
        )
    model = with_tokenizer(recipe, model)
    if len(model.input_shape) != 3 or model.input_shape[-1] not in (1, 3):
        raise ValueError(
            "Recipes train on images: `input_shape` must be (height, width, 1 "
            f"or 3). Received: input_shape={model.input_shape}"
        )


def resume_training(path):
    """Continue an interrupted run as if it had never stopped."""
    run = Run(path)
    if run.model_path.exists():
        print(f"{path} is complete: nothing to resume.")
        return
    run.remove_unfinished()
    keras.utils.set_random_seed(run.recipe.training.seed)
    epoch, checkpoint = run.checkpoint()
    print(f"Resuming {path} after epoch {epoch}.")
    train, test, steps = load_data(run.recipe, epoch)
    if checkpoint is None:
        model = _build(run.recipe, steps, train)
    else:
        model = load_keras_file(checkpoint)
    if epoch < run.recipe.training.epochs:
        run.forget_epochs_after(epoch)
        _fit(run, model, train, test, steps, first_epoch=epoch)
    _finish(run, model, test)


def load_data(recipe, first_epoch=0):
    """The data of a recipe from an epoch on: training, test, steps an epoch."""
    model = with_tokenizer(recipe, recipe.build())
    numbers = range(first_epoch, recipe.training.epochs)
    test = load_split(recipe, model, recipe.data.test_split, shuffle=False)
    train = load_split(
        recipe,
        model,
        recipe.data.train_split,
        shuffle=True,
        seed=recipe.training.seed,
        epochs=numbers,
    )
    return train, test, len(train) // max(len(numbers), 1)


def with_variance(recipe, train, steps):
    """The recipe with the variance of the training data for `"auto"`."""
    if recipe.arguments.get("data_variance") != "auto":
        return recipe
    variance = _variance(train.take(steps), steps)
    return recipe.changed({"arguments.data_variance": variance})


def _variance(images, steps):
    """Variance of all values of one epoch."""
    total = np.zeros(3)
    for batch in tqdm.tqdm(
        images, total=steps, desc="Variance", delay=2, leave=False
    ):
        batch = batch[0] if isinstance(batch, tuple) else batch
        batch = np.asarray(batch, "float64")
        total += (batch.size, batch.sum(), np.square(batch).sum())
    size, first, second = total
    return float(second / size - np.square(first / size))


def _build(recipe, steps, train):
    training = recipe.training
    rate = training.learning_rate
    if training.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            rate, steps * training.epochs
        )
    model = recipe.build(learning_rate=rate)
    if training.adapt:
        models.Tokenizer.adapt(model, train.take(steps), seed=training.seed)
    return model


def _fit(run, model, train, test, steps, first_epoch):
    model.fit(
        train,
        validation_data=test,
        epochs=run.recipe.training.epochs,
        initial_epoch=first_epoch,
        steps_per_epoch=steps,
        shuffle=False,  # the data set does that itself
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[
            keras.callbacks.CSVLogger(run.path / "metrics.csv", append=True),
            keras.callbacks.TensorBoard(run.path / "logs", write_graph=False),
            *_picture_callbacks(run, model),
            # The last one: what it saves, the others have seen.
            callbacks.EpochCheckpoint(run.path / "checkpoints"),
        ],
    )


def _picture_callbacks(run, model):
    path = run.path
    if isinstance(model, priors.Prior):
        generator = with_tokenizer(run.recipe, model)
        told = {}
        if run.recipe.data.condition is not None:
            told = test_conditions(run.recipe, generator, NUM_PICTURES)
        yield callbacks.SampleGrid(
            path / "samples",
            num_samples=len(told["condition"]) if told else 64,
            generator=generator,
            **told,
        )
        return
    images, condition = test_examples(run.recipe, model, NUM_PICTURES)
    yield callbacks.ReconstructionGrid(
        images, path / "reconstructions", *condition
    )
    if isinstance(model, models.Tokenizer):
        yield callbacks.CodebookPlot(path / "codebook")
    if isinstance(model, models.VQVAE2):
        yield callbacks.LevelReconstructions(images[:8], path / "levels")
    if isinstance(model, models.Autoencoder):
        ways = path / "interpolations"
        yield callbacks.LatentInterpolation(images, ways, 8, *condition)
    if hasattr(model, "generate"):
        yield callbacks.SampleGrid(path / "samples")


def _finish(run, model, test):
    if isinstance(model, models.LatentSpace):
        # For the prior that will learn the latents.
        model.adapt(_training_batch(run.recipe, model))
    results = model.evaluate(test, return_dict=True, verbose=0)
    model = with_tokenizer(run.recipe, model)
    run.finish(model, {name: float(value) for name, value in results.items()})
    _report(run, results)


def _training_batch(recipe, model):
    options = recipe.data.load_arguments(model) | {"batch_size": 256}
    train = data.load(split=recipe.data.train_split, shuffle=False, **options)
    return next(train.as_numpy_iterator())


def _report(run, results):
    table = Table("on the test data", "", show_header=True, box=None)
    for name, value in results.items():
        table.add_row(name, f"{value:.4g}")
    rich.print(table)
    pictures = [
        str(run.path / name) for name in PICTURES if (run.path / name).exists()
    ]
    print(f"Pictures: {', '.join(pictures)}")
    print(f"Model:    {run.model_path}")
