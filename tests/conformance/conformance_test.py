"""Contracts of all public classes."""

import functools
import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import layers
from keras_vq import likelihoods
from keras_vq import losses
from keras_vq import metrics
from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq import regularizers
from keras_vq import samplers
from keras_vq import schedules
from keras_vq import training
from tests.conformance import cases
from tests.helpers import run
from tests.helpers import to_numpy

# Called with tensors.
MODELS = cases.MODELS | cases.PRIORS | cases.GENERATORS
MODULES = {
    **cases.LAYERS,
    **cases.LIKELIHOODS,
    **cases.HEADS,
    **cases.LOSSES,
    **cases.NETWORKS,
    **MODELS,
}
# Everything with a config.
FACTORIES = {
    **{cls: case.make for cls, case in MODULES.items()},
    **{cls: make for cls, (make, _) in cases.METRICS.items()},
    **cases.REGULARIZERS,
    **cases.SAMPLERS,
    **cases.SCHEDULES,
    **cases.OPTIMIZERS,
}


def each(classes):
    return pytest.mark.parametrize("cls", classes, ids=lambda c: c.__name__)


@functools.cache
def instance(cls):
    """An instance with random weights, for tests that do not change it."""
    module = FACTORIES[cls]()
    if cls in MODULES:
        module(*MODULES[cls].symbols())  # builds it
        rng = np.random.default_rng(0)
        for w in module.weights:
            low, high = (1, 9) if "int" in w.dtype else (0.1, 0.9)
            w.assign(rng.uniform(low, high, size=w.shape).astype(w.dtype))
    return module


@functools.cache
def example(cls):
    return MODULES[cls].example(np.random.default_rng(0), 3)


@functools.cache
def outputs(cls):
    """Outputs of the instance for the example."""
    return run(instance(cls), *example(cls))


def first(structure, count):
    return keras.tree.map_structure(
        lambda x: None if x is None else x[:count], structure
    )


def assert_equal(found, expected, **tolerance):
    for a, b in zip(
        keras.tree.flatten(found), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(a, b, **tolerance)


# === The list of classes ===


@pytest.mark.parametrize(
    ("namespace", "listed"),
    [
        (layers, cases.LAYERS),
        (likelihoods, cases.LIKELIHOODS),
        (losses, cases.LOSSES),
        (metrics, cases.METRICS),
        (models, {**cases.MODELS, models.Stream: None}),
        (networks, {**cases.NETWORKS, networks.Conditioning: None}),
        (priors, cases.PRIORS | cases.HEADS),
        (regularizers, cases.REGULARIZERS),
        (samplers, {**cases.SAMPLERS, samplers.NoiseRows: None}),
        (schedules, cases.SCHEDULES),
        (training, cases.OPTIMIZERS),
    ],
)
def test_every_exported_class_is_listed(namespace, listed):
    exported = {getattr(namespace, name) for name in namespace.__all__}
    classes = {obj for obj in exported if inspect.isclass(obj)}
    assert classes - cases.ABSTRACT == set(listed)


def test_every_registered_class_is_listed():
    """Whatever can be saved: bottlenecks, heads and so on, public or not."""
    registered = {
        cls
        for cls in keras.saving.get_custom_objects().values()
        if cls.__module__.startswith("keras_vq.")
    }
    assert registered == set(FACTORIES) | cases.ABSTRACT


# === Configs ===


@each(FACTORIES)
def test_config_holds_every_argument_and_round_trips(cls):
    arguments = set(inspect.signature(cls.__init__).parameters)
    arguments -= {"self", "args", "kwargs"}
    config = instance(cls).get_config()
    assert arguments <= set(config)
    registered = keras.saving.get_registered_name(cls)
    assert registered == f"keras_vq>{cls.__name__}"
    serialized = keras.saving.serialize_keras_object(instance(cls))
    again = keras.saving.deserialize_keras_object(serialized)
    assert type(again) is cls
    assert again.get_config() == config


@each(
    [
        layers.VectorQuantizerEMA,
        likelihoods.Laplace,
        metrics.PSNR,
        models.VQVAE,
        networks.PixelCNN,
        samplers.TopKSampler,
    ]
)
def test_a_subclass_with_another_argument_round_trips(cls):
    class Custom(cls):
        def __init__(self, other, **kwargs):
            super().__init__(**kwargs)
            self.other = other

    config = {**instance(cls).get_config(), "other": 3}
    module = Custom.from_config(config)
    assert module.other == 3
    assert module.get_config() == config
    assert Custom.from_config(module.get_config()).get_config() == config


@each(cases.METRICS)
def test_a_restored_metric_has_the_same_result(cls):
    make, batch = cases.METRICS[cls]
    metric = make()
    again = cls.from_config(metric.get_config())
    for each in (metric, again):
        each.update_state(*batch)
    assert float(again.result()) == float(metric.result()) > 0


# === Calls ===


@each(MODULES)
def test_symbolic_outputs_match_eager_ones(cls):
    symbolic = instance(cls)(*MODULES[cls].symbols())

    def check(symbol, array):
        assert len(symbol.shape) == array.ndim
        if array.ndim and symbol.shape[0] is None:
            assert (None, *array.shape[1:]) == symbol.shape
        else:
            assert array.shape == symbol.shape
        dtype = keras.backend.standardize_dtype(array.dtype)
        assert dtype == keras.backend.standardize_dtype(symbol.dtype)

    keras.tree.assert_same_structure(symbolic, outputs(cls))
    keras.tree.map_structure(check, symbolic, outputs(cls))


@each(MODULES)
def test_outputs_do_not_depend_on_the_rest_of_the_batch(cls):
    alone = run(instance(cls), *first(example(cls), 1))
    for a, b in zip(
        keras.tree.flatten(alone),
        keras.tree.flatten(outputs(cls)),
        strict=True,
    ):
        if a.ndim:  # losses are means over the batch
            np.testing.assert_allclose(a, b[:1], rtol=1e-6, atol=1e-5)


@each(MODULES)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_finite_outputs(cls, policy):
    module = MODULES[cls].make(dtype=policy)
    module(*MODULES[cls].symbols())

    def call(*args):
        return keras.tree.map_structure(
            lambda x: ops.cast(x, "float32"), module(*args)
        )

    found = run(call, *example(cls), variables=module.variables)
    for values in keras.tree.flatten(found):
        assert np.isfinite(values).all()
    assert {w.dtype for w in module.weights} <= {"float32", "int32"}


# === Saving ===


def in_a_model(cls):
    """A model that contains an instance, and the arguments of its call."""
    module = instance(cls)
    if cls in MODELS:
        return module, example(cls)
    if cls in cases.NETWORKS and cls is not networks.AdaptiveTransformer:
        codes, *others = example(cls)
        labels, condition = others[0] if others else (None, None)
        if condition is not None:
            codes = (codes, condition)
        if labels is not None:
            codes = (codes, labels)
        prior = priors.MaskGIT
        if isinstance(module, networks.CausalNetwork):
            prior = priors.AutoregressivePrior
        elif isinstance(module, networks.LatentDenoiser):
            prior = priors.LatentDiffusion
        return prior(module), (codes,)
    inputs = MODULES[cls].keras_inputs()
    flat = keras.tree.flatten(example(cls))
    return keras.Model(keras.tree.flatten(inputs), module(*inputs)), (flat,)


@each(MODULES)
def test_saved_in_a_model_it_loads_with_all_weights(cls, tmp_path):
    model, args = in_a_model(cls)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.variables) == len(model.variables)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        assert a.path.split("/")[-1] == b.path.split("/")[-1]
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    assert_equal(run(loaded, *args), run(model, *args), atol=1e-6)


@each(MODELS)
def test_building_again_creates_no_variables(cls):
    model = instance(cls)
    before = list(map(id, model.variables))
    model.build((None, *keras.tree.flatten(MODULES[cls].inputs)[0].shape))
    assert list(map(id, model.variables)) == before
