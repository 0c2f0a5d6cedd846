from typing import Any
from typing import NamedTuple

import keras
from keras import ops


class Conditioning(NamedTuple):
    """What generation is conditioned on: class labels and one condition.

    Attributes:
        labels: int array or tensor `(batch,)`, or None. A network with
            `num_classes` classes takes `num_classes` as "no label" too.
        condition: array or tensor `(batch, *condition_shape)`, codes or
            floats, or None.

    Example:

    >>> keras_vq.networks.Conditioning(labels=np.array([3, 7])).condition
    """

    labels: Any = None
    condition: Any = None

    def map(self, function):
        """A function of each part that is not None."""
        return keras.tree.map_structure(
            lambda x: None if x is None else function(x), self
        )

    def with_unconditional(self, no_label):
        """This followed by the same without labels: a batch twice as large.

        Args:
            no_label: int, the label that stands for none.
        """
        twice = self.map(lambda x: ops.concatenate([x, x]))
        nothing = ops.full_like(self.labels, no_label)
        return twice._replace(labels=ops.concatenate([self.labels, nothing]))
