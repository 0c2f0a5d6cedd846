"""Likelihoods p(x | z), parameterized by a decoder.

Models accept a name or a `Likelihood` as `likelihood`.
"""

from keras_vq.likelihoods.bernoulli import Bernoulli
from keras_vq.likelihoods.categorical import Categorical
from keras_vq.likelihoods.gaussian import Gaussian
from keras_vq.likelihoods.get import get
from keras_vq.likelihoods.laplace import Laplace
from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.likelihoods.logistic_mixture import LogisticMixture
from keras_vq.likelihoods.logit_laplace import LogitLaplace
from keras_vq.likelihoods.mean_absolute_error import MeanAbsoluteError
from keras_vq.likelihoods.mean_squared_error import MeanSquaredError

__all__ = [
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "LogisticMixture",
    "LogitLaplace",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "get",
]
