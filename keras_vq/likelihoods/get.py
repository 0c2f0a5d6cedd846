import keras

from keras_vq.checks import check_number
from keras_vq.did_you_mean import did_you_mean
from keras_vq.likelihoods.bernoulli import Bernoulli
from keras_vq.likelihoods.categorical import Categorical
from keras_vq.likelihoods.gaussian import Gaussian
from keras_vq.likelihoods.laplace import Laplace
from keras_vq.likelihoods.likelihood import Likelihood
from keras_vq.likelihoods.logistic_mixture import LogisticMixture
from keras_vq.likelihoods.logit_laplace import LogitLaplace
from keras_vq.likelihoods.mean_absolute_error import MeanAbsoluteError
from keras_vq.likelihoods.mean_squared_error import MeanSquaredError

_BY_NAME = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "gaussian": Gaussian,
    "bernoulli": Bernoulli,
    "laplace": Laplace,
    "logit_laplace": LogitLaplace,
    "categorical": Categorical,
    "logistic_mixture": LogisticMixture,
}


def get(identifier, value_range=(0.0, 1.0), data_variance=None):
    """Retrieve a likelihood by name or from its config.

    Args:
        identifier: `"mse"`, `"mae"`, `"gaussian"`, `"bernoulli"`,
            `"laplace"`, `"logit_laplace"`, `"categorical"`,
            `"logistic_mixture"`, the config of a serialized `Likelihood`, or a
            `Likelihood`, which is returned unchanged.
        value_range: pair of float, range of the values. Defaults to
            `(0.0, 1.0)`.
        data_variance: float > 0 or None, divisor of the squared error for
            `"mse"`. None is equivalent to 1. Defaults to None.

    Returns:
        A `Likelihood`.

    Raises:
        ValueError: If the name is unknown, if a given `Likelihood` has a
            different `value_range`, or if `data_variance` is out of range or
            not supported by the likelihood.

    Example:

    >>> keras_vq.likelihoods.get("categorical").num_parameters(channels=3)
    768
    """
    if data_variance is not None:
        check_number("data_variance", data_variance, above=0)
        if identifier != "mse":
            raise ValueError(
                '`data_variance` is only supported with likelihood="mse". '
                f"Received: data_variance={data_variance} and likelihood="
                f"{identifier!r}"
            )
        return MeanSquaredError(data_variance, value_range=value_range)
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, Likelihood):
        if identifier.value_range != tuple(map(float, value_range)):
            raise ValueError(
                "The likelihood's `value_range` must match the model's. "
                f"Received: value_range={identifier.value_range}. Expected: "
                f"{tuple(value_range)}"
            )
        return identifier
    if identifier not in _BY_NAME:
        hint = did_you_mean(str(identifier), _BY_NAME)
        raise ValueError(
            f"Unknown likelihood. Received: {identifier!r}. Expected one of "
            f"{', '.join(_BY_NAME)}, or a Likelihood.{hint}"
        )
    return _BY_NAME[identifier](value_range=value_range)
