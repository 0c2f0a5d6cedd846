import inspect
import json
import pathlib
import tomllib

import keras_tuner
import numpy as np
import pytest

from keras_vq.cli.options import parse_settings
from keras_vq.recipes import Recipe
from keras_vq.recipes import available
from keras_vq.tuning import HyperModel


def test_the_zoo_is_found():
    assert {"vqvae_mnist", "vqvae_cifar10", "vqvae_scenes"} <= set(available())


@pytest.mark.parametrize("name", available())
def test_every_recipe_builds_its_model_and_has_a_card(name, tmp_path):
    card = pathlib.Path(__file__).parents[2] / "zoo" / name / "README.md"
    assert f"keras-vq train {name}" in card.read_text()
    recipe = Recipe.load(name)
    for part, value in recipe.arguments.items():
        if str(value).endswith(".keras"):  # of the run of another recipe
            path = tmp_path / f"{part}.keras"
            Recipe.load(pathlib.Path(value).parent.name).build().save(path)
            recipe = recipe.changed({part: str(path)})
    quick = recipe.changed(recipe.quick)
    assert quick.training.epochs <= recipe.training.epochs
    assert quick.build().count_params() > 1000

    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    assert Recipe.load(path) == recipe


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_recipes_are_utf8_with_or_without_a_mark(tmp_path, encoding):
    recipe = Recipe.load("vqvae_mnist").changed({"name": "données"})
    path = tmp_path / "recipe.toml"
    path.write_bytes(recipe.to_toml().encode(encoding))
    assert Recipe.load(path) == recipe


def test_numpy_numbers_are_numbers():
    settings = {"num_embeddings": np.int64(64), "learning_rate": np.float64(1)}
    recipe = Recipe.load("vqvae_mnist").changed(settings)
    assert recipe.arguments["num_embeddings"] == 64
    assert type(recipe.training.learning_rate) is float


@pytest.mark.parametrize("name", available())
def test_a_search_starts_from_the_recipe(name):
    recipe = Recipe.load(name)
    known = inspect.signature(recipe.factory()).parameters
    values = recipe.factory_arguments()
    values["learning_rate"] = recipe.training.learning_rate
    hypermodel = HyperModel(recipe.model, **values)
    hp = keras_tuner.HyperParameters()
    for key in hypermodel.search:
        expected = values.get(key, known[key].default)
        assert hypermodel.value(hp, key) == pytest.approx(expected)


def test_settings_are_toml_values_or_strings():
    texts = ["a=3", "b=1e-3", "c=[1, 2]", "d=cosine", "e='3'", "f=x=y"]
    assert parse_settings(texts) == {
        "a": 3, "b": 1e-3, "c": [1, 2], "d": "cosine", "e": "3", "f": "x=y",
    }  # fmt: skip


def test_none_is_written_as_a_word(tmp_path):
    recipe = Recipe.load("vqvae_mnist").changed({"ema_decay": "none"})
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    model = Recipe.load(path).build()
    assert type(model.quantizer).__name__ == "VectorQuantizer"
    assert model.likelihood.variance == 1  # "auto", before the data are seen


def changed(**sections):
    values = Recipe.load("vqvae_mnist").model_dump()
    for section, value in sections.items():
        if isinstance(value, dict):
            values[section] = {**values[section], **value}
        else:
            values[section] = value
    return values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(modle="x"), "Unknown key 'modle'. Did you mean 'model'"),
        (changed(data={"batchsize": 1}), "'data.batchsize'. .*'batch_size'"),
        (changed(arguments={"K": 1}), "Unknown key 'arguments.K'"),
        (changed(arguments={"seed": 1}), "Unknown key 'arguments.seed'"),
        (changed(arguments={"ema_decay": "auto"}), "ema_decay: .*'auto'"),
        (changed(arguments={"hidden_dim": 2.5}), "hidden_dim: .*2.5"),
        (changed(model="vqvea"), "Unknown model 'vqvea'. .*'vqvae'"),
        (changed(training={"schedule": "step"}), "schedule: .*'step'"),
        ({"model": "vqvae"}, "The key 'data' is missing"),
    ],
)
def test_invalid_recipes_name_the_error(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict(json.loads(json.dumps(values)))


def test_a_recipe_can_name_a_quantizer():
    values = Recipe.load("vqvae_mnist").model_dump()
    values["arguments"]["quantizer"] = "finite_scalar_quantizer"
    recipe = Recipe.from_dict(tomllib.loads(Recipe(**values).to_toml()))
    model = recipe.build()
    assert type(model.quantizer).__name__ == "FiniteScalarQuantizer"
    with pytest.raises(ValueError, match="quantizer"):
        recipe.changed({"quantizer": "finite"}).build()
