from typing import Any
from typing import NamedTuple

import keras
from keras import ops


class Conditioning(NamedTuple):
    """Class labels and condition of a network.

    Attributes:
        labels: int array or tensor `(batch,)`, or None. The label `num_classes`
            means "no label".
        condition: array or tensor `(batch, *condition_shape)`, codes or
            floats, or None.

    Example:

    >>> keras_vq.networks.Conditioning(labels=np.array([3, 7])).condition
    """

    labels: Any = None
    condition: Any = None

    def map(self, function):
        """Apply a function to each part that is not None."""
        return keras.tree.map_structure(
            lambda x: None if x is None else function(x), self
        )

    def with_unconditional(self, no_label, drop_condition=False):
        """Append a copy without labels, which doubles the batch.

        Args:
            no_label: int, the label that means "no label"; None without
                labels.
            drop_condition: bool, whether the copy's condition is zeros.
                Defaults to False.
        """
        twice = self.map(lambda x: ops.concatenate([x, x]))
        labels, condition = twice
        if labels is not None:
            nothing = ops.full_like(self.labels, no_label)
            labels = ops.concatenate([self.labels, nothing])
        if condition is not None and drop_condition:
            nothing = ops.zeros_like(self.condition)
            condition = ops.concatenate([self.condition, nothing])
        return Conditioning(labels, condition)
