import keras
from keras import ops

from keras_vq import backend

# Losses of each time to see before the history is used.
_MIN_COUNT = 10
_DECAY = 0.9


class LossHistory(backend.LayerMixin, keras.layers.Layer):
    """Draws times in proportion to the size of their losses.

    Where losses of some times are much larger than those of others, the mean
    over times is estimated best by drawing a time with a probability
    proportional to the root of its mean squared loss. Until each time has been
    seen, all are as probable.

    Args:
        num_steps: int, number of times.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    References:
        Nichol and Dhariwal, Improved Denoising Diffusion Probabilistic Models,
        2021, section 3.3.
    """

    def __init__(self, num_steps, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.num_steps = num_steps
        self.squares, self.counts = (
            self.add_weight(
                shape=(num_steps,),
                initializer="zeros",
                trainable=False,
                name=name,
            )
            for name in ("squares", "counts")
        )
        self.built = True

    def probabilities(self):
        """float32 tensor `(num_steps,)`, whose sum is 1."""
        roots = ops.sqrt(ops.convert_to_tensor(self.squares)) + 1e-4
        seen = ops.min(ops.convert_to_tensor(self.counts)) >= _MIN_COUNT
        return ops.where(seen, roots / ops.sum(roots), 1.0 / self.num_steps)

    def draw(self, noise):
        """Draw times.

        Args:
            noise: float32 tensor `(batch,)`, uniform in [0, 1).

        Returns:
            `index, weight`: int32 and float32 tensors `(batch,)`. Weighted
            losses have the mean of losses at uniform times.
        """
        p = self.probabilities()
        before = ops.cumsum(p)[:-1]
        index = ops.sum(ops.cast(before <= noise[:, None], "int32"), axis=-1)
        index = ops.cast(index, "int32")
        return index, 1.0 / (self.num_steps * ops.take(p, index))

    def update(self, index, losses):
        """Add the losses of a batch, over all replicas.

        Args:
            index: int32 tensor `(batch,)`, times from `draw`.
            losses: float32 tensor `(batch,)`, before they are weighted.
        """
        squares = ops.square(ops.stop_gradient(losses))
        values = ops.stack([squares, ops.ones_like(squares)], axis=-1)
        sums = backend.segment_sum(values, index, self.num_steps)
        (sums,) = backend.all_sum(sums)
        total, count = sums[:, 0], sums[:, 1]
        old = ops.convert_to_tensor(self.squares)
        mean = total / ops.maximum(count, 1.0)
        moved = _DECAY * old + (1.0 - _DECAY) * mean
        self.squares.assign(ops.where(count > 0, moved, old))
        self.counts.assign_add(count)
