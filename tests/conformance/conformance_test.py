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
from keras_vq import priors
from keras_vq import regularizers
from tests.conformance import cases
from tests.helpers import to_numpy

LAYERS = cases.LAYERS | cases.LIKELIHOODS
MODELS = cases.MODELS | cases.PRIORS
MODULES = LAYERS | MODELS
CONFIGURED = MODULES | cases.LOSSES


def each(classes):
    return pytest.mark.parametrize("cls", classes, ids=lambda c: c.__name__)


def outputs_of(module, x, **kwargs):
    return to_numpy(module(to_tensors(x), **kwargs))


def to_tensors(x):
    return keras.tree.map_structure(ops.convert_to_tensor, x)


def example(cls, rng, batch=3):
    return MODULES[cls].example(rng, batch)


@pytest.mark.parametrize(
    ("namespace", "listed"),
    [
        (layers, cases.LAYERS),
        (likelihoods, cases.LIKELIHOODS),
        (losses, cases.LOSSES),
        (metrics, cases.METRICS),
        (models, cases.MODELS),
        (priors, cases.PRIORS),
        (regularizers, cases.REGULARIZERS),
    ],
)
def test_every_exported_class_is_listed(namespace, listed):
    exported = {getattr(namespace, name) for name in namespace.__all__}
    classes = {obj for obj in exported if inspect.isclass(obj)}
    assert classes - cases.ABSTRACT == set(listed)


@each(CONFIGURED)
def test_config_holds_every_argument_and_round_trips(cls):
    module = CONFIGURED[cls].make(name="other")
    config = module.get_config()
    arguments = set(inspect.signature(cls.__init__).parameters)
    assert arguments - {"self", "args", "kwargs"} <= set(config)
    again = cls.from_config(config)
    assert again.get_config() == config
    registered = keras.saving.get_registered_name(cls)
    assert registered == f"keras_vq>{cls.__name__}"


@each(CONFIGURED)
def test_config_survives_serialization(cls):
    module = CONFIGURED[cls].make()
    config = keras.saving.serialize_keras_object(module)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is cls
    assert again.get_config() == module.get_config()


@each(cases.REGULARIZERS)
def test_regularizers_round_trip(cls):
    regularizer = cases.REGULARIZERS[cls].make()
    config = keras.saving.serialize_keras_object(regularizer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is cls
    assert again.get_config() == regularizer.get_config()
    arguments = set(inspect.signature(cls.__init__).parameters)
    assert arguments - {"self"} == set(regularizer.get_config())


@each(cases.METRICS)
def test_metrics_round_trip(cls):
    make, batch = cases.METRICS[cls]
    metric = make()
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is cls
    assert again.get_config() == metric.get_config()
    for m in (metric, again):
        m.update_state(*batch)
    assert float(again.result()) == float(metric.result()) > 0


@each(MODULES)
def test_symbolic_shapes_and_dtypes_equal_eager_ones(cls, rng):
    case = MODULES[cls]
    module = case.make()
    x = example(cls, rng)
    symbolic = module(
        keras.tree.map_structure(
            lambda a: keras.KerasTensor(a.shape, str(a.dtype)), x
        )
    )
    eager = module(to_tensors(x))

    def spec(t):
        return tuple(t.shape), keras.backend.standardize_dtype(t.dtype)

    assert keras.tree.map_structure(spec, symbolic) == (
        keras.tree.map_structure(spec, eager)
    )


@each(MODULES)
def test_dynamic_batches(cls, rng):
    module = MODULES[cls].make()
    if cls in LAYERS:
        # In a Functional model the batch size is unknown.
        inputs = MODULES[cls].inputs()
        run = keras.Model(inputs, module(inputs))
    else:
        run = module
    x = example(cls, rng, 5)
    whole = outputs_of(run, x)
    for size in (1, 4):
        first = keras.tree.map_structure(lambda a, size=size: a[:size], x)
        part = outputs_of(run, first)
        for a, b in zip(
            keras.tree.flatten(part), keras.tree.flatten(whole), strict=True
        ):
            if a.ndim:  # losses depend on the batch, the rest does not
                np.testing.assert_allclose(a, b[:size], atol=1e-5)


@each([c for c in MODULES if hasattr(c, "encode_to_indices")])
def test_quantizers_take_empty_batches(cls, rng):
    layer = cases.LAYERS[cls].make()
    for training in (False, True):
        x = example(cls, rng, 0)
        for output in keras.tree.flatten(
            outputs_of(layer, x, training=training)
        ):
            assert output.size == 0 or output == 0


@each(MODULES)
def test_saved_in_a_model_it_loads_with_all_weights(cls, rng, tmp_path):
    case = MODULES[cls]
    if cls in LAYERS:
        inputs = case.inputs()
        model = keras.Model(inputs, case.make()(inputs))
    else:
        model = case.make()
    for i, w in enumerate(model.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.variables) == len(model.variables)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        assert a.path.split("/")[-1] == b.path.split("/")[-1]
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    x = example(cls, rng)
    for a, b in zip(
        keras.tree.flatten(outputs_of(model, x)),
        keras.tree.flatten(outputs_of(loaded, x)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)


@each(MODULES)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_finite_outputs(cls, rng, policy):
    module = MODULES[cls].make(dtype=policy)
    x = to_tensors(example(cls, rng))
    for output in keras.tree.flatten(module(x)):
        values = to_numpy(ops.cast(output, "float32"))
        assert np.isfinite(values).all()
    assert {w.dtype for w in module.weights} <= {"float32", "int32"}


@each(MODELS)
def test_building_again_makes_no_new_variable(cls):
    model = MODELS[cls].make()
    before = list(map(id, model.variables))
    model.build((None, *MODELS[cls].shape))
    assert list(map(id, model.variables)) == before
