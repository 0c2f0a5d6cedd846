"""Configurations that `serializable` derives from constructors."""

import keras
import pytest

from keras_vq.saving import serializable


@serializable
class Scaled(keras.layers.Layer):
    def __init__(self, factor, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = inner


@serializable
class Shifted(Scaled):
    def __init__(self, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.shift = shift


@serializable
class Forgetful(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()


def test_a_config_restores_arguments_and_nested_layers():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    inner.compile("adam")
    layer = Scaled(2.0, inner, name="scaled", dtype="mixed_bfloat16")
    config = layer.get_config()
    assert "compile_config" not in config["inner"]
    for _ in range(2):  # restoring leaves the config as it is
        copy = Scaled.from_config(config)
        assert (copy.factor, copy.name) == (2.0, "scaled")
        assert copy.dtype_policy.name == "mixed_bfloat16"
        assert copy.inner is not inner
        assert copy.inner.layers[-1].units == 3
        assert copy.get_config() == config


def test_a_subclass_records_what_it_passes_on():
    layer = Shifted(shift=1.0, factor=3.0)
    config = layer.get_config()
    assert (config["shift"], config["factor"]) == (1.0, 3.0)
    assert "inner" not in config
    copy = Shifted.from_config(config)
    assert (copy.shift, copy.factor, copy.inner) == (1.0, 3.0, None)


def test_an_argument_that_is_not_stored_is_reported():
    with pytest.raises(AttributeError, match=r"Forgetful.*'factor'.*self\.fac"):
        Forgetful(1.0).get_config()
