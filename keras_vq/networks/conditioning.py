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

    def with_unconditional(self, no_label):
        """Append a copy without labels, which doubles the batch.

        Args:
            no_label: int, the label that means "no label".
        """
        twice = self.map(lambda x: ops.concatenate([x, x]))
        nothing = ops.full_like(self.labels, no_label)
        return twice._replace(labels=ops.concatenate([self.labels, nothing]))
