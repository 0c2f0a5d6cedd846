"""Samplers of codes from logits."""

import copy
from collections.abc import Callable

from keras import ops

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.ops.inverse_cdf import inverse_cdf
from keras_vq.saving.config import serializable


@serializable
class Sampler:
    """Base class for samplers, which draw codes from logits.

    A subclass defines `probabilities(logits)`. Codes are drawn by inverting
    their CDF at a uniform random number, so the same noise gives the same codes
    on every backend.

    Args:
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Call arguments:
        logits: float tensor `(batch, num_embeddings)`.
        noise: float tensor `(batch,)`, uniform in [0, 1).

    Returns:
        int32 tensor `(batch,)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    class EvenCodes(keras_vq.samplers.Sampler):
        def probabilities(self, logits):
            odd = keras.ops.arange(logits.shape[-1]) % 2
            return keras.ops.softmax(logits - 1e9 * odd)
    ```
    """

    get_config: Callable[[], dict]  # added by `serializable`

    def __init__(self, temperature=1.0):
        if temperature == 0:
            raise ValueError(
                "`temperature` must be a number > 0. Received: temperature="
                f"{temperature!r}. Use `GreedySampler` for the most probable "
                "code."
            )
        self.temperature = check_number("temperature", temperature, above=0)

    def probabilities(self, logits):
        """Compute the probabilities to draw from.

        Args:
            logits: float32 tensor `(batch, num_embeddings)`, already divided by
                the temperature.

        Returns:
            float32 tensor `(batch, num_embeddings)`, not negative; need not
            sum to 1.
        """
        raise NotImplementedError

    def __call__(self, logits, noise):
        logits = ops.cast(ops.convert_to_tensor(logits), "float32")
        return inverse_cdf(self.probabilities(logits / self.temperature), noise)

    # Arguments that are tensors in a compiled loop, so that another value does
    # not compile another loop.
    number_names: tuple[str, ...] = ("temperature",)

    def numbers(self):
        """dict, the names of `number_names` that are set to their values."""
        values = {name: getattr(self, name) for name in self.number_names}
        return {name: x for name, x in values.items() if x is not None}

    def with_numbers(self, numbers):
        """Return a copy with tensors `(batch, 1)` in place of `numbers()`."""
        sampler = copy.copy(self)
        for name, value in numbers.items():
            setattr(sampler, name, value)
        return sampler

    def key(self):
        """Return a hashable key, equal where only `numbers()` may differ."""
        config, numbers = self.get_config(), self.numbers()
        rest = {k: x for k, x in config.items() if k not in numbers}
        return type(self), tuple(sorted(rest.items()))


@serializable
class RandomSampler(Sampler):
    """Draws from the whole softmax.

    Args:
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Example:

    >>> sampler = keras_vq.samplers.RandomSampler()
    >>> sampler(np.zeros((2, 4)), np.array([0.1, 0.9]))
    array([0, 3], dtype=int32)
    """

    def probabilities(self, logits):
        return ops.softmax(logits, axis=-1)


@serializable
class GreedySampler(Sampler):
    """Takes the most probable code; ties go to the first.

    Example:

    >>> sampler = keras_vq.samplers.GreedySampler()
    >>> sampler(np.array([[0.0, 2.0, 1.0]]), np.array([0.9]))
    array([1], dtype=int32)
    """

    number_names = ()

    def __init__(self):
        super().__init__()

    def __call__(self, logits, noise):
        return backend.argmax(ops.convert_to_tensor(logits))


@serializable
class TopKSampler(Sampler):
    """Draws from the k most probable codes.

    If codes tie for the last place, the first ones are kept.

    Args:
        k: int >= 1.
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> sampler = keras_vq.samplers.TopKSampler(2)
    >>> logits, noise = np.zeros((3, 4)), np.array([0.1, 0.6, 0.9])
    >>> sampler(logits, noise)
    array([0, 1, 1], dtype=int32)

    References:
        Fan et al., Hierarchical Neural Story Generation, 2018, section 5.4.
    """

    number_names = ("k", "temperature")

    def __init__(self, k, temperature=1.0):
        super().__init__(temperature)
        self.k = check_int("top_k", k, 1, 2**31 - 1)

    def probabilities(self, logits):
        kept = ops.minimum(self.k, logits.shape[-1])
        count = ops.zeros_like(logits[..., :1], "int32") + kept
        return _of_first(logits, _falling(logits), count)


@serializable
class TopPSampler(Sampler):
    """Draws from the smallest set of codes with a total probability of p.

    At least one code is kept.

    Args:
        p: float in (0, 1].
        k: int >= 1 or None, maximum size of that set. Defaults to None.
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> sampler = keras_vq.samplers.TopPSampler(0.6)
    >>> logits = np.log([[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]])
    >>> sampler(logits, np.array([0.1, 0.99]))
    array([0, 2], dtype=int32)

    References:
        Holtzman et al., The Curious Case of Neural Text Degeneration, 2020,
        section 3.1.
    """

    number_names = ("p", "k", "temperature")

    def __init__(self, p, k=None, temperature=1.0):
        super().__init__(temperature)
        self.p = check_number("top_p", p, above=0, at_most=1)
        self.k = None if k is None else check_int("top_k", k, 1, 2**31 - 1)

    def probabilities(self, logits):
        falling = _falling(logits)
        ordered = ops.softmax(falling, axis=-1)
        before = ops.cumsum(ordered, axis=-1) - ordered
        count = ops.sum(
            ops.cast(before < self.p, "int32"), axis=-1, keepdims=True
        )
        if self.k is not None:
            count = ops.minimum(count, self.k)
        # A row of NaN has no code to keep.
        return _of_first(logits, falling, ops.maximum(count, 1))


def get(temperature=1.0, top_k=None, top_p=None):
    """Create the sampler for the given settings.

    Args:
        temperature: float >= 0, divides the logits; 0 for the most probable
            code. Defaults to 1.0.
        top_k: int >= 1 or None, draw from the k most probable codes. Defaults
            to None.
        top_p: float in (0, 1] or None, draw from the smallest set of codes
            with this total probability. Defaults to None.

    Returns:
        A `keras_vq.samplers.Sampler`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> type(keras_vq.samplers.get(temperature=0)).__name__
    'GreedySampler'
    """
    temperature = check_number("temperature", temperature, at_least=0)
    # Created even for greedy sampling, so that every argument is checked.
    positive = temperature or 1.0
    sampler: Sampler
    if top_p is not None:
        sampler = TopPSampler(top_p, top_k, positive)
    elif top_k is not None:
        sampler = TopKSampler(top_k, positive)
    else:
        sampler = RandomSampler(positive)
    return sampler if temperature else GreedySampler()


def _falling(logits):
    return ops.flip(ops.sort(logits, axis=-1), axis=-1)


def _of_first(logits, falling, count):
    """Probabilities of the most probable codes, 0 for the others.

    Of tied codes, the first ones are kept. One sort of values, without their
    indices, is several times as fast as ranks.

    Args:
        logits: float tensor `(..., num_embeddings)`.
        falling: The same, sorted.
        count: int32 tensor `(..., 1)`, codes to keep.

    Returns:
        float tensor of the shape of `logits`.
    """
    last = ops.take_along_axis(falling, count - 1, axis=-1)
    num_above = ops.sum(
        ops.cast(logits > last, "int32"), axis=-1, keepdims=True
    )
    is_tied = ops.equal(logits, last)
    number = ops.cumsum(ops.cast(is_tied, "int32"), axis=-1)
    is_kept = ops.logical_or(
        logits > last,
        ops.logical_and(is_tied, number <= count - num_above),
    )
    return ops.where(is_kept, ops.softmax(logits, axis=-1), 0.0)
