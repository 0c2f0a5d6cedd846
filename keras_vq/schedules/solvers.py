"""Solvers: the steps from noise back to latents.

Every solver is a table of numbers, one row for each evaluation of the network,
so that one compiled loop runs them all.
"""

import itertools
from typing import NamedTuple

import numpy as np

from keras_vq.checks import check_choice
from keras_vq.checks import check_number
from keras_vq.saving.config import serializable


class Update(NamedTuple):
    """A step, as weights of what the next x is a sum of.

    Attributes:
        x: Weight of x at this evaluation.
        x0: Weight of the x_0 that the network predicts from it.
        previous_x: Weight of x at the evaluation before.
        previous_x0: Weight of the x_0 predicted at the evaluation before.
        fresh_noise: Weight of new standard normal noise.
    """

    x: float
    x0: float
    previous_x: float = 0.0
    previous_x0: float = 0.0
    fresh_noise: float = 0.0


class Evaluation(NamedTuple):
    """A row of the table: an evaluation of the network and what follows.

    Attributes:
        time: Time of the evaluation.
        signal: See `Noising.rates`.
        noise: See `Noising.rates`.
        x_weight: `x_0 = x_weight * x + output_weight * output`, where output
            is that of the network.
        output_weight: See `x_weight`.
        update: `Update`.
    """

    time: float
    signal: float
    noise: float
    x_weight: float
    output_weight: float
    update: Update


@serializable
class Solver:
    """Base class of solvers. A subclass defines `updates`."""

    # Whether steps add noise.
    is_random = False
    # Whether it solves flows, rather than processes of betas.
    is_for_flows = False

    def check_schedule(self, schedule):
        """Raise if this solver is not made for the schedule."""
        if schedule.is_flow != self.is_for_flows:
            fitting = _FOR_BETAS if self.is_for_flows else _FOR_FLOWS
            raise ValueError(
                f"{type(self).__name__} does not solve a "
                f"{type(schedule).__name__}. Received: solver="
                f"{type(self).__name__}. Use one of "
                f"{', '.join(map(repr, fitting))}."
            )

    def updates(self, schedule, times):
        """The evaluations of the network and the updates that follow.

        Args:
            schedule: `keras_vq.schedules.Noising`.
            times: NumPy float64 array `(S + 1,)` from 1 to 0.

        Returns:
            list of pairs, time of the evaluation and `Update`.
        """
        raise NotImplementedError

    def table(self, schedule, prediction, num_steps):
        """The numbers of all evaluations.

        Args:
            schedule: `keras_vq.schedules.Noising`.
            prediction: What the network predicts; see
                `Noising.target_weights`.
            num_steps: int >= 1, S.

        Returns:
            NumPy float32 array `(evaluations, 10)`, the numbers of
            `Evaluation` one after the other.

        Raises:
            ValueError: If solver, schedule and number of steps do not match.
        """
        self.check_schedule(schedule)
        rows = []
        for time, update in self.updates(schedule, schedule.times(num_steps)):
            signal, noise = schedule.rates(time)
            # output = p * epsilon + q * x_0 and x = signal * x_0 + noise *
            # epsilon give x_0.
            p, q = schedule.target_weights(prediction, signal, noise)
            scale = p * signal - q * noise
            rows.append(
                (time, signal, noise, p / scale, -noise / scale, *update)
            )
        return np.array(rows, "float32")


def evaluation_of(row):
    """`Evaluation` of a row of `Solver.table`, array or tensor."""
    time, signal, noise, x_weight, output_weight, *update = (
        row[i] for i in range(10)
    )
    return Evaluation(
        time, signal, noise, x_weight, output_weight, Update(*update)
    )


@serializable
class DDIM(Solver):
    """Steps of any length along the process, with noise or without.

    Args:
        eta: float in [0, 1], share of the noise of DDPM; 0 is deterministic.
            Defaults to 0.0.

    Raises:
        ValueError: If `eta` is out of range.

    Example:

    >>> solver = keras_vq.schedules.DDIM(eta=0.5)
    >>> solver.table(keras_vq.schedules.LinearBetas(), "epsilon", 50).shape
    (50, 10)

    References:
        Song et al., Denoising Diffusion Implicit Models, 2021, section 4.1.
    """

    def __init__(self, eta=0.0):
        self.eta = check_number("eta", eta, at_least=0, at_most=1)
        self.is_random = self.eta > 0

    def updates(self, schedule, times):
        signal, noise = schedule.rates(times)
        for i, time in enumerate(times[:-1]):
            (a, next_a), (s, next_s) = signal[i : i + 2], noise[i : i + 2]
            # The deviation of x at the next time, given x and x_0.
            kept = a * next_s / (next_a * s)
            fresh = self.eta * next_s * np.sqrt(1 - kept**2)
            ratio = np.sqrt(next_s**2 - fresh**2) / s
            update = Update(ratio, next_a - ratio * a, fresh_noise=fresh)
            yield time, update


@serializable
class DDPM(DDIM):
    """Steps backwards through the process, which add noise.

    Example:

    >>> solver = keras_vq.schedules.DDPM()
    >>> solver.table(keras_vq.schedules.LinearBetas(), "epsilon", 1000).shape
    (1000, 10)

    References:
        Ho et al., Denoising Diffusion Probabilistic Models, 2020, section 3.2.
    """

    def __init__(self):
        super().__init__(eta=1.0)


@serializable
class DPMSolver(Solver):
    """DPM-Solver++ of second order, in multiple steps (2M).

    One evaluation per step; the first and the last step are of first order.

    Example:

    >>> solver = keras_vq.schedules.DPMSolver()
    >>> solver.table(keras_vq.schedules.LinearBetas(), "v", 20).shape
    (20, 10)

    References:
        Lu et al., DPM-Solver++: Fast Solver for Guided Sampling of Diffusion
        Probabilistic Models, 2022, algorithm 2.
    """

    def updates(self, schedule, times):
        signal, noise = schedule.rates(times)
        with np.errstate(divide="ignore"):  # no noise at time 0
            steps = np.diff(np.log(signal) - np.log(noise))
        for i, time in enumerate(times[:-1]):
            (a, next_a), (s, next_s) = signal[i : i + 2], noise[i : i + 2]
            x0 = next_a - a * next_s / s
            previous = 0.0
            if 0 < i < len(steps) - 1:
                # Extrapolates x_0 from the last two predictions.
                previous = steps[i] / (2 * steps[i - 1])
            update = Update(
                next_s / s, x0 * (1 + previous), previous_x0=-x0 * previous
            )
            yield time, update


@serializable
class Euler(Solver):
    """Euler's method for the straight lines of a flow.

    Example:

    >>> flow = keras_vq.schedules.RectifiedFlow()
    >>> keras_vq.schedules.Euler().table(flow, "flow", 28).shape
    (28, 10)

    References:
        Liu et al., Flow Straight and Fast, 2022, section 2.1.
    """

    is_for_flows = True

    def updates(self, schedule, times):
        for time, later in itertools.pairwise(times):
            # The velocity is (x - x_0) / time.
            yield time, Update(later / time, 1 - later / time)


@serializable
class Heun(Solver):
    """Heun's method for flows: a step of Euler's, then one with the mean slope.

    Two evaluations per step, but one in the last.

    Example:

    >>> flow = keras_vq.schedules.RectifiedFlow()
    >>> keras_vq.schedules.Heun().table(flow, "flow", 10).shape
    (19, 10)

    References:
        Karras et al., Elucidating the Design Space of Diffusion-Based
        Generative Models, 2022, algorithm 1.
    """

    is_for_flows = True

    def updates(self, schedule, times):
        for time, later in itertools.pairwise(times):
            yield time, Update(later / time, 1 - later / time)
            if later > 0:
                half = (later - time) / 2
                first, second = half / time, half / later
                yield later, Update(second, -second, 1 + first, -first)


_SOLVERS = {
    "ddpm": DDPM,
    "ddim": DDIM,
    "dpm_solver": DPMSolver,
    "euler": Euler,
    "heun": Heun,
}
_FOR_BETAS = ("ddpm", "ddim", "dpm_solver")
_FOR_FLOWS = ("euler", "heun")


def get_solver(solver, schedule):
    """A solver by its name, checked against a schedule.

    Args:
        solver: `"ddpm"`, `"ddim"` or `"dpm_solver"` for betas; `"euler"` or
            `"heun"` for flows; or a `Solver`.
        schedule: `keras_vq.schedules.Noising`.

    Returns:
        `Solver`.

    Raises:
        ValueError: If there is none of that name, or it is not made for the
            schedule.

    Example:

    >>> flow = keras_vq.schedules.RectifiedFlow()
    >>> solver = keras_vq.schedules.get_solver("heun", flow)
    """
    if not isinstance(solver, Solver):
        solver = _SOLVERS[check_choice("solver", solver, _SOLVERS)]()
    solver.check_schedule(schedule)
    return solver
