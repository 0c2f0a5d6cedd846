import math

import keras_tuner
import numpy as np
import pytest

from keras_vq import tuning
from keras_vq import zoo
from tests.helpers import tiny_images

TINY = {
    "input_shape": (8, 8, 3),
    "embedding_dim": 4,
    "hidden_dim": 4,
    "num_residual_layers": 0,
}
SEARCH = {"num_embeddings": [4, 16], "commitment_cost": (0.1, 2.0)}
TUNERS = {
    keras_tuner.RandomSearch: {"max_trials": 2},
    keras_tuner.BayesianOptimization: {
        "max_trials": 3,
        "num_initial_points": 2,
    },
    keras_tuner.GridSearch: {"max_trials": 2},
    keras_tuner.Hyperband: {"max_epochs": 2, "factor": 2},
}


@pytest.fixture
def hypermodel():
    return tuning.HyperModel("vqvae", search=SEARCH, seed=0, **TINY)


def search(tuner, x):
    tuner.search(x, validation_data=(x[:4],), verbose=0)
    return {
        trial.trial_id: (trial.hyperparameters.values, trial.score)
        for trial in tuner.oracle.trials.values()
    }


@pytest.mark.parametrize("tuner", list(TUNERS))
def test_every_tuner_searches(rng, hypermodel, tuner, tmp_path):
    tuner = tuner(
        hypermodel,
        objective=hypermodel.objective,
        seed=0,
        directory=tmp_path,
        **TUNERS[tuner],
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


@pytest.mark.parametrize(
    ("factory", "arguments", "positions"),
    [
        ("vqvae", {}, [4]),
        ("vqvae2", {"downsampling": 2}, [4, 16]),
        ("vqvae", {"quantizer": "residual_vector_quantizer"}, [4, 4, 4, 4]),
    ],
)
def test_logs_have_rate_and_distortion(rng, factory, arguments, positions):
    x = tiny_images(rng, 8)
    hypermodel = tuning.HyperModel(
        factory,
        rate_weight=0.5,
        search={},
        num_embeddings=4,
        **TINY,
        **arguments,
    )
    assert hypermodel.rate_distortion.name == "val_rate_distortion"
    model = hypermodel.build(keras_tuner.HyperParameters())
    logs = hypermodel.fit(
        None, model, x, validation_data=(x,), verbose=0
    ).history
    perplexities = [v[0] for k, v in logs.items() if "val_perplexity" in k]
    rate = np.dot(positions, np.log2(perplexities)) / 64
    assert logs["val_bits_per_pixel"][0] == pytest.approx(rate)
    assert logs["val_rate_distortion"][0] == pytest.approx(
        logs["val_reconstruction_loss"][0] + 0.5 * rate
    )
    with pytest.raises(ValueError, match="Pass `validation_data`"):
        hypermodel.fit(None, model, x, verbose=0)


def test_rate_counts_each_codebook_by_its_positions():
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
    assert logs["val_bits_per_pixel"] == pytest.approx(bits / 64)
    assert math.isfinite(bits)


def test_a_trial_can_start_from_the_data(rng):
    x = tiny_images(rng, 32)
    hypermodel = tuning.HyperModel(
        "vqvae",
        adapt=True,
        search={},
        num_embeddings=16,
        learning_rate=1e-9,
        **TINY,
    )
    model = hypermodel.build(keras_tuner.HyperParameters())
    logs = hypermodel.fit(None, model, x, validation_data=(x,), verbose=0)
    assert logs.history["val_codebook_usage"][0] == 1


def test_every_factory_has_a_search_space_of_its_arguments():
    assert list(tuning.SEARCH_SPACES) != []
    assert set(tuning.SEARCH_SPACES) == set(zoo.FACTORIES)
    hp = keras_tuner.HyperParameters
    for name, space in tuning.SEARCH_SPACES.items():
        hypermodel = tuning.HyperModel(name)
        assert list(hypermodel.search) == list(space.arguments)
        for key in hypermodel.search:  # the factory's default comes first
            default = hypermodel.parameters[key].default
            assert hypermodel.value(hp(), key) == pytest.approx(default)


def test_arguments_are_tried_first():
    hypermodel = tuning.HyperModel(
        "vqvae", num_embeddings=48, commitment_cost=5.0
    )
    hp = keras_tuner.HyperParameters()
    assert hypermodel.value(hp, "num_embeddings") == 48
    assert hypermodel.value(hp, "commitment_cost") == 5.0


def test_disabled_and_fixed_arguments_are_not_searched():
    assert "ema_decay" in tuning.HyperModel("vqvae").search
    assert "ema_decay" not in tuning.HyperModel("vqvae", ema_decay=None).search
    fixed = tuning.HyperModel("vqvae", fixed=["num_embeddings"])
    expected = list(tuning.SEARCH_SPACES["vqvae"].arguments)
    expected.remove("num_embeddings")
    assert list(fixed.search) == expected


def test_the_learning_rate_can_decay():
    hypermodel = tuning.HyperModel(
        "vqvae", search={"learning_rate": (1e-4, 1e-2)}, decay_steps=10, **TINY
    )
    model = hypermodel.build(keras_tuner.HyperParameters())
    config = model.optimizer.get_config()["learning_rate"]["config"]
    assert config["initial_learning_rate"] == pytest.approx(1e-3)
    assert config["decay_steps"] == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factory": "vqvea"}, "Did you mean 'vqvae'"),
        ({"search": {"num_embedding": [4]}}, "Did you mean 'num_embeddings'"),
        ({"codes": 4}, "has no argument 'codes'"),
        *(
            ({"search": {"commitment_cost": x}}, "list of choices or a range")
            for x in ([], (2.0, 0.1), (0.0, 1.0), 3)
        ),
    ],
)
def test_bad_arguments_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        tuning.HyperModel(**{"factory": "vqvae", **arguments})


def test_bad_objectives_are_rejected():
    with pytest.raises(ValueError, match="`rate_weight` must be"):
        tuning.RateDistortion(-1.0)
    with pytest.raises(ValueError, match=r"codes. Received: vae"):
        tuning.HyperModel("vae").rate_distortion  # noqa: B018
