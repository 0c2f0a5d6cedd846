import math

import numpy as np
from keras import ops

from keras_vq.checks import check_shape
from keras_vq.layers.quantizer import Quantizer
from keras_vq.ops.straight_through import straight_through
from keras_vq.saving.config import serializable

# Relative widening of the bounds, so that values round to the outermost levels.
MARGIN = 1e-3


@serializable
class FiniteScalarQuantizer(Quantizer):
    """Rounds each channel to one of a few levels, without a codebook.

    With L levels in a channel, `half = (L - 1) * 1.001 / 2`, `offset = 0.5` for
    even L and 0 for odd L, and `shift = atanh(offset / half)`:

    ```
    bounded   = half * tanh(z + shift) - offset
    quantized = round(bounded) / (L // 2)            in [-1, 1]
    index     = sum over channels of digit * (product of previous L)
    ```

    where the digit of a channel is `round(bounded) + L // 2`, and the first
    channel is the least significant. In the backward pass, the gradient passes
    through the rounding unchanged and is multiplied by the derivative of
    `bounded / (L // 2)`. There are no weights, no loss and no dead codes.
    `num_embeddings` is the product of the levels and `embedding_dim` the number
    of channels.

    Args:
        levels: tuple of int >= 2, number of levels of each channel. Defaults to
            `(8, 5, 5, 5)`, which gives 1000 codes; the paper uses at least 5
            per channel.
        **kwargs: `add_losses` of `Quantizer` (the loss is 0), and keyword
            arguments of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., len(levels))` of rank >= 2; may be empty.
        mask: bool tensor `(...)` or None, ignored.
        training: bool, ignored.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` without its last axis.
        `loss`: float32 scalar, 0.

    Raises:
        ValueError: If `levels` is empty, a channel has fewer than 2 levels,
            there are more than 2^31 - 1 codes, or the last axis of `z` is not
            `len(levels)`.

    Example:

    >>> layer = keras_vq.layers.FiniteScalarQuantizer(levels=(5, 3))
    >>> z = np.array([[0.3, -9.0], [9.0, 0.0]], "float32")
    >>> outputs = layer(z)
    >>> keras.ops.convert_to_numpy(outputs["quantized"]).tolist()
    [[0.5, -1.0], [1.0, 0.0]]
    >>> outputs["indices"], layer.num_embeddings
    (array([3, 9], dtype=int32), 15)

    References:
        Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple, 2023,
        section 3.
    """

    def __init__(self, levels=(8, 5, 5, 5), **kwargs):
        self.levels = check_shape("levels", levels)
        if min(self.levels) < 2:
            raise ValueError(
                "`levels` must be integers >= 2, one per channel. Received: "
                f"levels={levels}"
            )
        num_embeddings = math.prod(self.levels)
        if num_embeddings >= 2**31:
            raise ValueError(
                "`levels` must have a product below 2^31, to fit in an int32 "
                f"index. Received: levels={levels}. Use several groups: "
                "GroupedVectorQuantizer(FiniteScalarQuantizer(levels), 2)."
            )
        super().__init__(num_embeddings, len(levels), **kwargs)

    def call(self, z, mask=None, training=False):
        z, _ = self.prepare(z, mask)
        bounded = self._bounded(ops.cast(z, "float32"))
        rounded = self._rounded(ops.stop_gradient(bounded))
        quantized = straight_through(bounded, rounded) / self._widths("float32")
        losses = {"loss": ops.zeros((), "float32")}
        return self.results(z, quantized, self._index(rounded), losses)

    def indices_of(self, z):
        return self._index(self._rounded(self._bounded(z)))

    def codes_of(self, indices):
        indices = ops.cast(indices, "int32")[..., None]
        levels = ops.convert_to_tensor(self.levels, "int32")
        digits = ops.mod(ops.floor_divide(indices, self._places()), levels)
        rounded = ops.cast(digits - self._widths("int32"), "float32")
        return rounded / self._widths("float32")

    def _bounded(self, z):
        levels = np.array(self.levels)
        half = (levels - 1) * (1 + MARGIN) / 2
        offset = np.where(levels % 2 == 0, 0.5, 0.0)
        shift, half, offset = (
            ops.convert_to_tensor(values, "float32")
            for values in (np.arctanh(offset / half), half, offset)
        )
        return ops.tanh(z + shift) * half - offset

    def _rounded(self, bounded):
        # With a thousand levels or more, the margin would add another level.
        levels = np.array(self.levels)
        low = ops.convert_to_tensor(-(levels // 2), "float32")
        high = ops.convert_to_tensor((levels - 1) // 2, "float32")
        return ops.clip(ops.round(bounded), low, high)

    def _index(self, rounded):
        # In int32, since floats cannot represent all indices exactly.
        digits = ops.cast(rounded, "int32") + self._widths("int32")
        return ops.sum(digits * self._places(), axis=-1)

    def _widths(self, dtype):
        return ops.convert_to_tensor([n // 2 for n in self.levels], dtype)

    def _places(self):
        """Place value of each channel's digit."""
        places = np.cumprod((1, *self.levels[:-1]))
        return ops.convert_to_tensor(places, "int32")
