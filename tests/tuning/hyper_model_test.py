import inspect
import math

import keras_tuner
import numpy as np
import pytest

from keras_vq import tuning
from keras_vq import zoo
from keras_vq.tuning import HyperFactory
from keras_vq.tuning import HyperVQVAE
from keras_vq.zoo.recipe import Recipe
from keras_vq.zoo.recipe import available
from tests.helpers import tiny_images

TINY = {
    "input_shape": (8, 8, 3),
    "embedding_dim": 4,
    "hidden_dim": 4,
    "num_residual_layers": 0,
}
SEARCH = {"num_embeddings": [4, 16], "commitment_cost": (0.1, 2.0)}
TUNERS = {
    "RandomSearch": {"max_trials": 2},
    "BayesianOptimization": {"max_trials": 3, "num_initial_points": 2},
    "GridSearch": {"max_trials": 2},
    "Hyperband": {"max_epochs": 2, "factor": 2},
}


def uncompiled(build):
    """`build` for models whose few steps are not worth a graph."""

    def build_uncompiled(hp):
        model = build(hp)
        model.run_eagerly = True
        return model

    return build_uncompiled


@pytest.fixture
def hypermodel():
    hypermodel = HyperVQVAE(search=SEARCH, seed=0, **TINY)
    hypermodel.build = uncompiled(hypermodel.build)
    return hypermodel


def search(tuner, x, **kwargs):
    tuner.search(x, validation_data=(x[:4],), verbose=0, **kwargs)
    return {
        trial.trial_id: (trial.hyperparameters.values, trial.score)
        for trial in tuner.oracle.trials.values()
    }


@pytest.mark.parametrize("name", list(TUNERS))
def test_every_tuner_searches(rng, hypermodel, name, tmp_path):
    tuner = getattr(keras_tuner, name)(
        hypermodel,
        objective=hypermodel.objective,
        seed=0,
        directory=tmp_path,
        **TUNERS[name],
    )
    trials = search(tuner, tiny_images(rng, 8))
    assert len(trials) >= 2
    for values, score in trials.values():
        assert values["num_embeddings"] in (4, 16)
        assert 0.1 <= values["commitment_cost"] <= 2.0
        assert np.isfinite(score)
    best = tuner.get_best_hyperparameters()[0]
    model = tuner.get_best_models()[0]
    assert model.num_embeddings == best["num_embeddings"]


def test_a_search_resumes_where_it_stopped(rng, hypermodel, tmp_path):
    x = tiny_images(rng, 8)

    def tuner(folder, max_trials):
        return keras_tuner.RandomSearch(
            hypermodel,
            objective=hypermodel.objective,
            max_trials=max_trials,
            seed=1,
            directory=tmp_path / folder,
        )

    whole = search(tuner("whole", 2), x)
    search(tuner("parts", 1), x)
    resumed = search(tuner("parts", 2), x)
    assert list(resumed) == list(whole)
    for (values, score), (expected, expected_score) in zip(
        resumed.values(), whole.values(), strict=True
    ):
        assert values == expected
        assert score == pytest.approx(expected_score, rel=1e-4)


def test_rate_and_distortion_are_in_the_logs(rng, tmp_path):
    x = tiny_images(rng, 8)
    hypermodel = HyperVQVAE(
        rate_weight=0.5, search={"num_embeddings": [4]}, **TINY
    )
    assert hypermodel.rate_distortion.name == "val_rate_distortion"
    model = uncompiled(hypermodel.build)(keras_tuner.HyperParameters())
    logs = hypermodel.fit(
        None, model, x, validation_data=(x,), verbose=0
    ).history
    rate = 4 * math.log2(logs["val_perplexity"][0]) / 64
    assert logs["val_bits_per_pixel"][0] == pytest.approx(rate)
    assert logs["val_rate_distortion"][0] == pytest.approx(
        logs["val_reconstruction_loss"][0] + 0.5 * rate
    )
    with pytest.raises(ValueError, match="Give `validation_data`"):
        hypermodel.fit(None, model, x, verbose=0)


def test_a_trial_may_start_from_the_data(rng):
    x = tiny_images(rng, 32)
    hypermodel = HyperVQVAE(
        adapt=True, search={}, num_embeddings=16, learning_rate=1e-9, **TINY
    )
    model = uncompiled(hypermodel.build)(keras_tuner.HyperParameters())
    logs = hypermodel.fit(None, model, x, validation_data=(x,), verbose=0)
    assert logs.history["val_codebook_usage"][0] == 1


def test_rate_counts_all_levels(rng):
    x = tiny_images(rng, 8)
    hypermodel = tuning.HyperVQVAE2(
        search={}, num_embeddings=4, downsampling=2, **TINY
    )
    model = uncompiled(hypermodel.build)(keras_tuner.HyperParameters())
    logs = hypermodel.fit(
        None, model, x, validation_data=(x,), verbose=0
    ).history
    bits = 4 * math.log2(logs["val_perplexity_0"][0])
    bits += 16 * math.log2(logs["val_perplexity_1"][0])
    assert logs["val_bits_per_pixel"][0] == pytest.approx(bits / 64)


def test_rate_counts_all_stages():
    model = zoo.vqvae2(
        (8, 8, 3),
        hidden_dim=4,
        downsampling=2,
        quantizers="residual_vector_quantizer",
    )
    callback = tuning.RateDistortion(1.0)
    callback.set_model(model)
    names = [m.name for m in model.metrics if "perplexity" in m.name]
    perplexities = 2.0 ** np.arange(len(names))  # bits 0, 1, 2 and so on
    logs = {f"val_{k}": v for k, v in zip(names, perplexities, strict=True)}
    logs["val_reconstruction_loss"] = 0.0
    callback.on_epoch_end(0, logs)
    bits = 4 * (0 + 1 + 2 + 3) + 16 * (4 + 5 + 6 + 7)
    assert logs["val_rate_distortion"] == pytest.approx(bits / 64)


def test_every_factory_has_a_hypermodel():
    found = {
        getattr(tuning, name).factory.__name__
        for name in tuning.__all__
        if name not in ("HyperFactory", "RateDistortion")
    }
    assert found == set(zoo.__all__) - {"load"}


@pytest.mark.parametrize("name", available())
def test_defaults_are_those_of_the_recipe(name):
    recipe = Recipe.load(name)
    hypermodel = HyperFactory.from_recipe(name)
    known = inspect.signature(recipe.factory()).parameters
    values = {"learning_rate": recipe.training.learning_rate}
    values = {**recipe.factory_arguments(), **values}
    hp = keras_tuner.HyperParameters()
    for key in hypermodel.search:
        expected = values.get(key, known[key].default)
        assert hypermodel.ask(hp, key) == pytest.approx(expected)


def test_what_a_recipe_switches_off_is_not_searched():
    assert "ema_decay" in HyperVQVAE().search
    assert "ema_decay" not in HyperVQVAE(ema_decay=None).search
    fixed = HyperVQVAE(fixed=["num_embeddings"]).search
    assert list(fixed) == [k for k in HyperVQVAE.space if k != "num_embeddings"]


def test_the_learning_rate_may_decay(hypermodel):
    decaying = HyperVQVAE(
        search={"learning_rate": (1e-4, 1e-2)}, decay_steps=10, **TINY
    )
    model = decaying.build(keras_tuner.HyperParameters())
    config = model.optimizer.get_config()["learning_rate"]["config"]
    assert config["initial_learning_rate"] == pytest.approx(1e-3)
    assert config["decay_steps"] == 10


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'num_embeddings'"):
        HyperVQVAE(search={"num_embedding": [4]})
    with pytest.raises(ValueError, match="has no argument 'codes'"):
        HyperVQVAE(codes=4)
    with pytest.raises(ValueError, match="HyperVQVAE does not build a 'vae'"):
        HyperVQVAE.from_recipe("vae_mnist")
    with pytest.raises(ValueError, match="must not be negative"):
        tuning.RateDistortion(-1.0)
    for wrong in ([], (2.0, 0.1), (0.0, 1.0), 3):
        with pytest.raises(ValueError, match="a list of choices or a range"):
            HyperVQVAE(search={"commitment_cost": wrong})
