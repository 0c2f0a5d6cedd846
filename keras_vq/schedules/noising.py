"""How noise is added to continuous latents as time goes from 0 to 1."""

from typing import Any

import numpy as np
from keras import ops

from keras_vq.checks import check_choice
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.saving.config import serializable

# What a network may predict.
PREDICTIONS = ("epsilon", "v", "flow")


@serializable
class Noising:
    """Base class of the noise schedules of diffusion on continuous latents.

    ```
    x_t = signal(t) * x_0 + noise(t) * epsilon
    ```

    with standard normal epsilon: nearly all signal at time 0, nearly all noise
    at time 1. A subclass defines `rates`, `time_of` and `times`.
    """

    # Steps of the forward process; None for continuous time.
    num_steps: Any = None
    # Whether `signal = 1 - time` and `noise = time`, which flows' solvers use.
    is_flow = False
    # Defaults of `keras_vq.priors.LatentDiffusion` for this schedule.
    default_prediction = "epsilon"
    default_solver = "ddim"
    default_num_steps = 50

    def rates(self, time):
        """`signal` and `noise` at a time.

        Args:
            time: float or NumPy float64 array, or float32 tensor, in [0, 1].

        Returns:
            Pair of arrays or tensors of its shape.
        """
        raise NotImplementedError

    def time_of(self, noise):
        """Times in (0, 1], from noise that is uniform in [0, 1)."""
        raise NotImplementedError

    def times(self, num_steps):
        """Times at which the steps of sampling begin and end.

        Args:
            num_steps: int >= 1, S.

        Returns:
            NumPy float64 array `(S + 1,)` from 1 to 0.

        Raises:
            ValueError: If the schedule has fewer steps.
        """
        raise NotImplementedError

    def target_weights(self, prediction, signal, noise):
        """What the network predicts, as weights of epsilon and x_0.

        Args:
            prediction: `"epsilon"`; `"v"`, which is `signal * epsilon - noise *
                x_0`; or `"flow"`, the velocity `epsilon - x_0`.
            signal: float, array or tensor, from `rates`.
            noise: float, array or tensor, from `rates`.

        Returns:
            Pair of weights.

        References:
            Salimans and Ho, Progressive Distillation for Fast Sampling of
            Diffusion Models, 2022, section 4.
            Liu et al., Flow Straight and Fast, 2022, section 2.
        """
        if prediction == "epsilon":
            return 1.0, 0.0
        if prediction == "v":
            return signal, -noise
        return 1.0, -1.0

    def check_prediction(self, prediction):
        """Raise unless a network can be trained to predict this."""
        check_choice("prediction", prediction, PREDICTIONS)


class _Betas(Noising):
    """A forward process of T steps, each of which adds noise of variance beta.

    `alpha_bars` is a NumPy float64 array `(T,)`, the share of the variance of
    x_0 that is left after each step; `signal = sqrt(alpha_bar)` and `noise =
    sqrt(1 - alpha_bar)`.
    """

    def __init__(self, num_steps, first, last):
        self.num_steps = check_int("num_steps", num_steps, 2)
        self.first = check_number("first", first, above=0, below=1)
        self.last = check_number("last", last, at_least=first, below=1)
        self.alpha_bars = np.cumprod(1.0 - self.betas())
        kept = np.concatenate([[1.0], self.alpha_bars])
        self._rates = np.sqrt(kept), np.sqrt(1.0 - kept)

    def betas(self):
        """NumPy float64 array `(T,)`, the variance that each step adds."""
        raise NotImplementedError

    def rates(self, time):
        if isinstance(time, (float, np.ndarray)):
            index = np.round(np.multiply(time, self.num_steps)).astype(int)
            return tuple(rates[index] for rates in self._rates)
        index = ops.cast(ops.round(time * self.num_steps), "int32")
        return tuple(
            ops.take(ops.convert_to_tensor(rates.astype("float32")), index)
            for rates in self._rates
        )

    def time_of(self, noise):
        return (ops.floor(noise * self.num_steps) + 1.0) / self.num_steps

    def times(self, num_steps):
        check_int("num_steps", num_steps, 1, self.num_steps)
        steps = np.round(np.linspace(self.num_steps, 0, num_steps + 1))
        return steps / self.num_steps


@serializable
class LinearBetas(_Betas):
    """The schedule of DDPM: betas that rise linearly.

    Args:
        num_steps: int >= 2, T. Defaults to 1000.
        first: float in (0, 1), the first beta. Defaults to 1e-4.
        last: float in [first, 1), the last beta. Defaults to 0.02.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> schedule = keras_vq.schedules.LinearBetas()
    >>> schedule.alpha_bars[[499, 999]].round(7)
    array([7.85872e-02, 4.04000e-05])

    References:
        Ho et al., Denoising Diffusion Probabilistic Models, 2020, section 4.
    """

    def __init__(self, num_steps=1000, first=1e-4, last=0.02):
        super().__init__(num_steps, first, last)

    def betas(self):
        return np.linspace(self.first, self.last, self.num_steps)


@serializable
class ScaledLinearBetas(_Betas):
    """The schedule of latent diffusion: betas with square roots on a line.

    Args:
        num_steps: int >= 2, T. Defaults to 1000.
        first: float in (0, 1), the first beta. Defaults to 0.0015.
        last: float in [first, 1), the last beta. Defaults to 0.0195.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras_vq.schedules.ScaledLinearBetas().betas()[[0, -1]]
    array([0.0015, 0.0195])

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, appendix E.
    """

    def __init__(self, num_steps=1000, first=0.0015, last=0.0195):
        super().__init__(num_steps, first, last)

    def betas(self):
        return np.square(
            np.linspace(np.sqrt(self.first), np.sqrt(self.last), self.num_steps)
        )


@serializable
class RectifiedFlow(Noising):
    """Straight lines from latents to noise, in continuous time.

    ```
    x_t = (1 - t) * x_0 + t * epsilon
    ```

    Args:
        shift: float > 0; times t become `shift * t / (1 + (shift - 1) * t)`,
            in training and in sampling. Large latents, whose details noise
            hides later, need more than 1. Defaults to 1.0.

    Raises:
        ValueError: If `shift` is not positive.

    Example:

    >>> keras_vq.schedules.RectifiedFlow(shift=3.0).times(28)[:3].round(6)
    array([1.      , 0.987381, 0.974108])

    References:
        Liu et al., Flow Straight and Fast, 2022.
        Esser et al., Scaling Rectified Flow Transformers for High-Resolution
        Image Synthesis, 2024, section 5.3.2, for the shift.
    """

    is_flow = True
    default_prediction = "flow"
    default_solver = "euler"
    default_num_steps = 28
    # Before the last step, as if there were this many times.
    _NUM_TIMES = 1000

    def __init__(self, shift=1.0):
        self.shift = check_number("shift", shift, above=0)

    def rates(self, time):
        return 1.0 - time, time

    def time_of(self, noise):
        return self._shifted(1.0 - noise)

    def times(self, num_steps):
        check_int("num_steps", num_steps)
        last = self._shifted(1 / self._NUM_TIMES)
        times = self._shifted(np.linspace(1.0, last, num_steps))
        return np.concatenate([times, [0.0]])

    def check_prediction(self, prediction):
        super().check_prediction(prediction)
        if prediction == "epsilon":
            raise ValueError(
                "At time 1 of a RectifiedFlow x_t is epsilon, which says "
                "nothing of x_0. Received: prediction='epsilon'. Use 'flow' or "
                "'v'."
            )

    def _shifted(self, time):
        return self.shift * time / (1.0 + (self.shift - 1.0) * time)
