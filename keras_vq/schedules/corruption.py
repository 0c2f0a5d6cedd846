"""How codes are corrupted as time goes from 0 to 1."""

from typing import Any
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.saving.config import serializable

# Below the probability of any event that occurs.
_TINY = 1e-30


class Kept(NamedTuple):
    """What has become of a code at some time, as probabilities.

    Attributes:
        keep: It is kept.
        replace: It is replaced by one particular code; each of the K is as
            probable, also the code itself.
        mask: It is masked.
    """

    keep: float | np.ndarray
    replace: float | np.ndarray
    mask: float | np.ndarray


# Where sampling starts.
ALL_MASKED = Kept(0.0, 0.0, 1.0)


@serializable
class Corruption:
    """Base class of the corruptions of discrete diffusion.

    A code that is corrupted until time t is kept, replaced by a random code,
    or masked; a mask stays a mask. A subclass defines `kept`, `time_of`,
    `corrupt` and `nats`, and sets `num_steps` and `replaces`.
    """

    # Steps of the forward process; None for continuous time.
    num_steps: Any = None
    # Whether codes are replaced by others, rather than masked alone.
    replaces = False

    def kept(self, time, num_embeddings):
        """What has become of a code at a time.

        Args:
            time: float array or tensor in [0, 1].
            num_embeddings: int, K.

        Returns:
            `Kept`, with `keep + num_embeddings * replace + mask == 1`.
        """
        raise NotImplementedError

    def time_of(self, noise):
        """Times in (0, 1], from noise that is uniform in [0, 1)."""
        raise NotImplementedError

    def corrupt(self, codes, time, noise, num_embeddings):
        """Corrupt codes until a time.

        Args:
            codes: int32 tensor `(batch, n)`.
            time: float32 tensor `(batch,)`, from `time_of`.
            noise: float32 tensor `(batch, n)`, uniform in [0, 1).
            num_embeddings: int, K, which is also the index of the mask.

        Returns:
            int32 tensor `(batch, n)`.
        """
        raise NotImplementedError

    def nats(self, codes, corrupted, log_probs, time):
        """The bound on -log p(codes), as a mean over uniform times.

        Args:
            codes: int32 tensor `(batch, n)`.
            corrupted: int32 tensor `(batch, n)`, those codes at `time`.
            log_probs: float32 tensor `(batch, n, K)`, log-probabilities that
                the network gives to the codes.
            time: float32 tensor `(batch,)`.

        Returns:
            float32 tensor `(batch, n)`.
        """
        raise NotImplementedError

    def times(self, num_steps):
        """Times at which the steps of sampling end.

        Args:
            num_steps: int >= 1, S.

        Returns:
            NumPy float64 array `(S + 1,)` from 1 to 0.
        """
        check_int("num_steps", num_steps, 1, self.num_steps)
        return np.linspace(1.0, 0.0, num_steps + 1)

    def steps(self, num_steps, num_embeddings):
        """The numbers that each step of sampling needs.

        Args:
            num_steps: int >= 1, S.
            num_embeddings: int, K.

        Returns:
            NumPy float32 array `(S, 10)`: the time of the step, and `Kept`
            before, after and between, one after the other.
        """
        times = self.times(num_steps)
        now = [ALL_MASKED]  # whatever the schedule says of time 1
        now += [Kept(*self.kept(t, num_embeddings)) for t in times[1:]]
        rows = [
            (time, *before, *after, *between(before, after, num_embeddings))
            for time, before, after in zip(times[:-1], now, now[1:])
        ]
        return np.array(rows, "float32")


def between(before, after, num_embeddings):
    """What becomes of a code from an earlier time to a later one.

    Args:
        before: `Kept` at the later time, where sampling comes from.
        after: `Kept` at the earlier time, where it goes.
        num_embeddings: int, K.

    Returns:
        `Kept`.
    """
    keep = before.keep / after.keep
    mask = 1.0 - (1.0 - before.mask) / (1.0 - after.mask)
    rest = max(1.0 - keep - mask, 0.0)  # without rounding below
    return Kept(keep, rest / num_embeddings, mask)


def corrupted_by(codes, kept, noise, num_embeddings):
    """Corrupt codes.

    Args:
        codes: int32 tensor.
        kept: `Kept` of float tensors that broadcast against the codes.
        noise: float32 tensor of the shape of the codes, uniform in [0, 1).
        num_embeddings: int, K, which is also the index of the mask.

    Returns:
        int32 tensor of the shape of the codes.
    """
    kept, noise = _tensors(kept), ops.convert_to_tensor(noise)
    rest = noise - kept.keep - kept.mask
    share = ops.maximum(1.0 - kept.keep - kept.mask, _TINY)
    other = ops.cast(ops.floor(rest / share * num_embeddings), "int32")
    other = ops.clip(other, 0, num_embeddings - 1)
    changed = ops.where(noise < kept.keep + kept.mask, num_embeddings, other)
    return ops.where(noise < kept.keep, codes, changed)


def posterior(corrupted, probabilities, before, after, step):
    """q(x_s | x_t) for an earlier time s, given a belief about the codes.

    That is `sum over x_0 of q(x_s | x_t, x_0) p(x_0)`, without a matrix of
    K x K.

    Args:
        corrupted: int32 tensor `(..., n)`, x_t.
        probabilities: float32 tensor `(..., n, K)`, p(x_0).
        before: `Kept` at the time t, floats or tensors that broadcast against
            `(..., n, 1)`.
        after: `Kept` at the time s.
        step: `Kept` from s to t.

    Returns:
        float32 tensor `(..., n, K + 1)`, whose last entry is the mask.

    References:
        Austin et al., Structured Denoising Diffusion Models in Discrete
        State-Spaces, 2021, section 3.
    """
    probabilities = ops.convert_to_tensor(probabilities)
    before, after, step = map(_tensors, (before, after, step))
    num_embeddings = probabilities.shape[-1]
    is_mask = (ops.convert_to_tensor(corrupted) == num_embeddings)[..., None]
    same = one_hot(corrupted, num_embeddings)
    # q(x_t | x_0) and q(x_t | x_s) for each x_0 and each x_s.
    from_start = ops.where(
        is_mask, before.mask, before.keep * same + before.replace
    )
    from_code = ops.where(is_mask, step.mask, step.keep * same + step.replace)
    weights = probabilities / ops.maximum(from_start, _TINY)
    total = ops.sum(weights, axis=-1, keepdims=True)
    codes = from_code * (after.keep * weights + after.replace * total)
    mask = ops.where(is_mask, after.mask * total, 0.0)
    return ops.concatenate([codes, mask], axis=-1)


def one_hot(codes, num_embeddings):
    """float32 tensor `(..., K)`, all 0 for the mask."""
    every = ops.arange(num_embeddings, dtype="int32")
    codes = ops.convert_to_tensor(codes)[..., None]
    return ops.cast(codes == every, "float32")


def _tensors(kept):
    return Kept(*(ops.convert_to_tensor(x, "float32") for x in kept))


def divergence(p, q):
    """KL(p || q) over the last axis, in nats."""
    p, q = ops.convert_to_tensor(p), ops.convert_to_tensor(q)
    difference = ops.log(ops.maximum(p, _TINY)) - ops.log(ops.maximum(q, _TINY))
    return ops.sum(p * difference, axis=-1)


@serializable
class MaskAndReplace(Corruption):
    """Masks codes and replaces some by random ones, in T steps.

    The probabilities to keep and to mask a code change linearly from the first
    step to the last; what remains is spread over the K codes.

    Args:
        num_steps: int >= 2, T. Defaults to 100.
        keep: pair of float in (0, 1), the probability that a code is kept after
            the first and after the last step. Defaults to `(0.99999, 9e-6)`.
        mask: pair of float in (0, 1), the probability that it is masked.
            Defaults to `(9e-6, 0.99999)`. With `mask[i] = 1 - keep[i]` no code
            is replaced.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> corruption = keras_vq.schedules.MaskAndReplace(num_steps=100)
    >>> kept = corruption.kept(0.5, num_embeddings=974)
    >>> round(float(kept.keep), 5), round(float(kept.mask), 6)
    (0.50505, 0.494949)

    References:
        Gu et al., Vector Quantized Diffusion Model for Text-to-Image
        Synthesis, 2022, section 4.2 and appendix.
    """

    def __init__(
        self, num_steps=100, keep=(0.99999, 9e-6), mask=(9e-6, 0.99999)
    ):
        self.num_steps = check_int("num_steps", num_steps, 2)
        self.keep = _check_pair("keep", keep)
        self.mask = _check_pair("mask", mask)
        rest = 1.0 - np.array(self.keep) - self.mask
        if np.any(rest < -1e-12):
            raise ValueError(
                "`keep` and `mask` must sum to at most 1. Received: "
                f"keep={keep}, mask={mask}"
            )
        self.replaces = bool(np.any(rest > 1e-12))

    def kept(self, time, num_embeddings):
        index = np.asarray(time, "float64") * self.num_steps - 1.0
        progress = index / (self.num_steps - 1)

        def linear(ends, at_zero):
            value = ends[0] + (ends[1] - ends[0]) * progress
            return np.where(index > -0.5, value, at_zero)

        keep, mask = linear(self.keep, 1.0), linear(self.mask, 0.0)
        rest = np.maximum(1.0 - keep - mask, 0.0) if self.replaces else 0 * keep
        return Kept(keep, rest / num_embeddings, mask)

    def times(self, num_steps):
        # Whole steps of the forward process.
        steps = super().times(num_steps) * self.num_steps
        return np.round(steps) / self.num_steps

    def time_of(self, noise):
        return (ops.floor(noise * self.num_steps) + 1.0) / self.num_steps

    def corrupt(self, codes, time, noise, num_embeddings):
        kept = self.neighbors(time, num_embeddings)[0]
        kept = Kept(*(x[:, :, 0] for x in kept))
        return corrupted_by(codes, kept, noise, num_embeddings)

    def nats(self, codes, corrupted, log_probs, time):
        before, after, step = self.neighbors(time, log_probs.shape[-1])
        sure = one_hot(codes, log_probs.shape[-1])
        true = posterior(corrupted, sure, before, after, step)
        found = posterior(corrupted, ops.exp(log_probs), before, after, step)
        true /= ops.sum(true, axis=-1, keepdims=True)
        found /= ops.sum(found, axis=-1, keepdims=True)
        return self.num_steps * divergence(true, found)

    def neighbors(self, time, num_embeddings):
        """`Kept` at these times, one step earlier, and in that step.

        Args:
            time: float32 tensor `(batch,)`, whole steps above 0.
            num_embeddings: int, K.

        Returns:
            Three `Kept` of float32 tensors `(batch, 1, 1)`.
        """
        grid = np.arange(self.num_steps + 1) / self.num_steps
        every = [Kept(*self.kept(t, num_embeddings)) for t in grid]
        rows = [(*every[0], *every[0], *every[0])]
        rows += [
            (*now, *earlier, *between(now, earlier, num_embeddings))
            for now, earlier in zip(every[1:], every)
        ]
        time = ops.convert_to_tensor(time)
        index = ops.cast(ops.round(time * self.num_steps), "int32")
        numbers = ops.take(np.array(rows, "float32"), index, axis=0)
        columns = [numbers[:, i, None, None] for i in range(9)]
        return Kept(*columns[:3]), Kept(*columns[3:6]), Kept(*columns[6:])


@serializable
class Absorbing(Corruption):
    """Masks codes in continuous time, and replaces none.

    At time t a code is masked with probability `(1 - epsilon) t`: the
    log-linear schedule, whose noise is `-log(1 - (1 - epsilon) t)`. The bound
    weighs the masked codes by 1 / t. An example without masked codes would add
    nothing to it, so at least one is masked, and the weight is multiplied by
    the probability of that, which keeps it below the number of codes.

    Args:
        epsilon: float in (0, 1), the probability that a code is kept until time
            1. Defaults to 1e-3.

    Raises:
        ValueError: If it is out of range.

    Example:

    >>> keras_vq.schedules.Absorbing().kept(0.25, num_embeddings=8).mask
    0.24975

    References:
        Sahoo et al., Simple and Effective Masked Diffusion Language Models,
        2024, section 3.
    """

    def __init__(self, epsilon=1e-3):
        self.epsilon = check_number("epsilon", epsilon, above=0, below=1)

    def kept(self, time, num_embeddings):
        mask = (1.0 - self.epsilon) * time
        return Kept(1.0 - mask, 0.0 * mask, mask)

    def time_of(self, noise):
        return 1.0 - noise

    def corrupt(self, codes, time, noise, num_embeddings):
        mask = self._mask(time)
        noise = ops.convert_to_tensor(noise)
        noise = _some_below(noise, codes.shape[-1], mask)
        return ops.where(noise < mask, num_embeddings, codes)

    def nats(self, codes, corrupted, log_probs, time):
        found = ops.take_along_axis(log_probs, codes[..., None], axis=-1)
        masked = ops.equal(corrupted, log_probs.shape[-1])
        nats = ops.where(masked, -found[..., 0], 0.0)
        chance = _chance(self._mask(time), codes.shape[-1])
        return nats * chance / ops.convert_to_tensor(time)[:, None]

    def _mask(self, time):
        time = ops.convert_to_tensor(time, "float32")[:, None]
        return (1.0 - self.epsilon) * time


def _chance(bound, n):
    """The probability that one of n uniform numbers is below a bound."""
    return -ops.expm1(n * ops.log1p(-bound))


def _some_below(noise, n, bound):
    """Turn uniform noise into noise of which the lowest is below a bound.

    Args:
        noise: float32 tensor `(batch, n)`, uniform in [0, 1).
        n: int.
        bound: float32 tensor `(batch, 1)` in (0, 1).

    Returns:
        float32 tensor `(batch, n)`, uniform noise given that event.
    """
    lowest = ops.min(noise, axis=-1, keepdims=True)
    quantile = _chance(lowest, n)
    moved = -ops.expm1(ops.log1p(-quantile * _chance(bound, n)) / n)
    moved = ops.minimum(moved, (1.0 - 1e-6) * bound)  # rounding
    return moved + (1.0 - moved) * (noise - lowest) / (1.0 - lowest)


def even_counts(num_codes, num_steps):
    """How many codes each step reveals, if all reveal about as many.

    The first step reveals fewer and the last more: one and two thirds of what
    the others leave.

    Args:
        num_codes: int, codes to reveal.
        num_steps: int >= 1.

    Returns:
        NumPy int32 array `(num_steps,)`, whose sum is `num_codes`.

    References:
        Tang et al., Improved Vector Quantized Diffusion Models, 2022, section
        3.2.
    """
    counts = np.full(num_steps, num_codes // num_steps, "int32")
    rest = num_codes - counts[1:-1].sum()
    counts[0] = rest // 3
    counts[-1] = num_codes - counts[:-1].sum()
    return counts


def _check_pair(name, value):
    check_type(name, value, (tuple, list), "a pair of numbers")
    if len(value) != 2:
        raise ValueError(
            f"`{name}` must be a pair of numbers. Received: {name}={value!r}"
        )
    return tuple(check_number(name, x, above=0, below=1) for x in value)
