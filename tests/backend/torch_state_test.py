"""Layers and models inside a `torch.nn.Module`."""

import re

import numpy as np
import pytest
import torch

from keras_vq import layers
from tests.conformance import cases
from tests.helpers import to_numpy

BUILT = {
    **{
        cls: case
        for cls, case in cases.LAYERS.items()
        if issubclass(cls, layers.Bottleneck)
    },
    **cases.NETWORKS,
    **cases.MODELS,
    **cases.PRIORS,
    **cases.GENERATORS,
}


def holder(part):
    net = torch.nn.Module()
    net.part = part
    return net


@pytest.mark.parametrize("cls", BUILT, ids=lambda c: c.__name__)
def test_state_moves_to_another_instance_of_the_same_network(cls):
    first, second = BUILT[cls].make(), BUILT[cls].make()
    for i, w in enumerate(first.weights):
        w.assign(np.random.default_rng(i).uniform(size=w.shape) + i)
    state = holder(first).state_dict()
    assert not [name for name in state if re.search(r"_torch_params|/", name)]
    assert len(state) == len(first.variables)
    target = holder(second)
    target.load_state_dict(state)  # also checks the names
    for found, expected in zip(second.variables, first.variables, strict=True):
        np.testing.assert_array_equal(to_numpy(found), to_numpy(expected))
    assert list(target.state_dict()) == list(state)


@pytest.mark.parametrize("cls", BUILT, ids=lambda c: c.__name__)
def test_an_optimizer_sees_all_weights_before_the_first_call(cls):
    part = BUILT[cls].make()
    given = {id(p) for p in holder(part).parameters() if p.requires_grad}
    assert given == {id(w.value) for w in part.trainable_variables}


def test_wrong_states_are_reported():
    net = holder(layers.VectorQuantizerEMA(8, 2))
    state = net.state_dict()
    state["part.other"] = state.pop("part.counts")
    with pytest.raises(RuntimeError, match=r"(?s)Missing.*counts.*part\.other"):
        net.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"size mismatch"):
        holder(layers.VectorQuantizerEMA(16, 2)).load_state_dict(
            net.state_dict()
        )
