"""Errors of a prior for conditions that do not fit."""

import numpy as np
import pytest

from keras_vq import priors
from tests.networks import causal_networks


@pytest.fixture(scope="module")
def unconditional():
    network = causal_networks.create("PixelCNN", num_layers=1)
    prior = priors.AutoregressivePrior(network)
    prior.compile("adam")
    return prior


@pytest.fixture(scope="module")
def conditional():
    """A prior with a condition of 3 x 2 codes."""
    network = causal_networks.create("Transformer", has_condition=True)
    prior = priors.AutoregressivePrior(network)
    prior.compile("adam")
    return prior


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, r"needs a condition of shape \(None, 3, 2\)"),
        (np.zeros((4, 3, 2)), "condition.dtype=float64"),
        (np.zeros((4, 2, 2), int), r"condition of shape \(None, 3, 2\)"),
        (np.full((4, 3, 2), 7), "codes 0 to 6. Received: condition from 7"),
        (np.zeros((2, 3, 2), int), "2 conditions for 4 examples"),
    ],
)
def test_condition_is_checked(conditional, condition, message):
    codes = np.zeros((4, 3, 4), int)
    x = codes if condition is None else (codes, condition)
    for call in (
        lambda: conditional.generate(4, condition=condition),
        lambda: conditional.log_prob(codes, condition=condition),
        lambda: conditional.fit(x, verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_condition_of_floats_is_checked():
    network = causal_networks.create(
        "PixelCNN", num_layers=1, has_condition=True
    )
    prior = priors.AutoregressivePrior(network)
    message = r"of shape \(None, 3, 4, 3\).*shape=\(1, 3, 4, 2\)"
    with pytest.raises(ValueError, match=message):
        prior.generate(1, condition=np.zeros((1, 3, 4, 2)))


def test_prior_without_condition_takes_none(unconditional):
    with pytest.raises(ValueError, match="takes no condition"):
        unconditional.generate(1, condition=np.zeros((1, 3, 4)))


def test_fit_takes_codes_alone_or_a_pair(unconditional, conditional):
    codes = np.zeros((4, 3, 4), int)
    with pytest.raises(ValueError, match=r"takes codes alone.*2 arrays"):
        unconditional.fit((codes, codes))
    with pytest.raises(ValueError, match=r"takes a pair of codes.*3 arrays"):
        conditional.fit((codes, codes, codes))
