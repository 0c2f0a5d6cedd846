import json
import pathlib
import tomllib

import pytest

from keras_vq.zoo.recipe import Recipe
from keras_vq.zoo.recipe import available
from keras_vq.zoo.recipe import parse_setting


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


@pytest.mark.parametrize("name", available())
def test_every_recipe_survives_its_own_toml(name, tmp_path):
    recipe = Recipe.load(name)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    assert Recipe.load(path) == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=3", ("a", 3)),
        ("a=1e-3", ("a", 1e-3)),
        ("a=[1, 2]", ("a", [1, 2])),
        ("a=cosine", ("a", "cosine")),
        ("a='3'", ("a", "3")),
        ("a=x=y", ("a", "x=y")),
    ],
)
def test_settings_are_toml_values_or_strings(text, expected):
    assert parse_setting(text) == expected


def test_none_is_written_as_a_word(tmp_path):
    recipe = Recipe.load("vqvae_mnist").changed({"ema_decay": "none"})
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    model = Recipe.load(path).build()
    assert type(model.quantizer).__name__ == "VectorQuantizer"
    assert model.data_variance is None  # "auto", before the data are seen


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
        (changed(arguments={"ema_decay": "auto"}), "ema_decay: .*'auto'"),
        (changed(arguments={"hidden_dim": 2.5}), "hidden_dim: .*2.5"),
        (changed(model="vqvea"), "Unknown model 'vqvea'. .*'vqvae'"),
        (changed(training={"schedule": "step"}), "schedule: .*'step'"),
        ({"model": "vqvae"}, "The key 'data' is missing"),
    ],
)
def test_what_is_wrong_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict(json.loads(json.dumps(values)))


def test_a_recipe_may_name_a_quantizer():
    values = Recipe.load("vqvae_mnist").model_dump()
    values["arguments"]["quantizer"] = "finite_scalar_quantizer"
    recipe = Recipe.from_dict(tomllib.loads(Recipe(**values).to_toml()))
    model = recipe.build()
    assert type(model.quantizer).__name__ == "FiniteScalarQuantizer"
    with pytest.raises(ValueError, match="must be a quantizer of"):
        recipe.changed({"quantizer": "finite"}).build()
