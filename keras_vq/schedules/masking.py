"""Shares of masked codes, from all at the start to none at the end."""

import math

import numpy as np
from keras import ops

from keras_vq.checks import check_int
from keras_vq.saving.config import serializable


@serializable
class Masking:
    """Base class of masking schedules.

    At progress r, `share(r)` of the codes are masked: all at r = 0, none at
    r = 1. In training r is uniform; in sampling, step s of S ends at r = s / S.

    A subclass defines `share(progress)`, `mean_share`, and `num_masked` if it
    rounds otherwise.

    Example:

    ```python
    class LinearMasking(keras_vq.schedules.Masking):
        mean_share = 0.5

        def share(self, progress):
            return 1.0 - progress
    ```
    """

    mean_share: float

    def share(self, progress):
        """Share of masked codes.

        Args:
            progress: float tensor in [0, 1].

        Returns:
            float tensor in [0, 1] of the same shape.
        """
        raise NotImplementedError

    def num_masked(self, num_codes, num_steps):
        """Codes that are still masked after each step, at least one revealed.

        Args:
            num_codes: int array `(n,)`, codes to sample.
            num_steps: int >= 1, S.

        Returns:
            NumPy int32 array `(n, num_steps)`, the last column 0.
        """
        check_int("num_steps", num_steps)
        progress = np.arange(1, num_steps + 1) / num_steps
        num_codes = np.asarray(num_codes)[:, None]
        masked = self.round(num_codes, progress)
        return np.where(progress < 1, masked, 0).astype("int32")

    def round(self, num_codes, progress):
        """Whole number of masked codes; NumPy arrays."""
        return np.floor(num_codes * np.asarray(self.share(progress)))


@serializable
class CosineMasking(Masking):
    """Masks cos(pi r / 2): reveals few codes at first, many at last.

    Example:

    >>> schedule = keras_vq.schedules.CosineMasking()
    >>> schedule.num_masked([256], 8)
    array([[251, 236, 212, 181, 142,  97,  49,   0]], dtype=int32)

    References:
        Chang et al., MaskGIT: Masked Generative Image Transformer, 2022,
        section 3.2.
    """

    mean_share = 2 / math.pi

    def share(self, progress):
        return ops.cos(math.pi / 2 * progress)

    def round(self, num_codes, progress):
        return np.floor(num_codes * np.cos(math.pi / 2 * progress))


@serializable
class ArccosMasking(Masking):
    """Masks 2 arccos(r) / pi: reveals codes steadily until the last steps.

    Example:

    >>> schedule = keras_vq.schedules.ArccosMasking()
    >>> 256 - schedule.num_masked([256], 32)[0, [0, 1, 2, -2, -1]]
    array([  5,  10,  15, 215, 256], dtype=int32)

    References:
        Besnier and Chen, A Pytorch Reproduction of Masked Generative Image
        Transformer, 2023.
    """

    mean_share = 2 / math.pi

    def share(self, progress):
        return 2 / math.pi * ops.arccos(progress)

    def round(self, num_codes, progress):
        return num_codes - np.floor(
            num_codes * 2 / math.pi * np.arcsin(progress)
        )
