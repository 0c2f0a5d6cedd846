"""Pure functions on tensors, without variables: the equations of the field."""

from keras_vq.ops.code_statistics import code_counts
from keras_vq.ops.code_statistics import code_sums
from keras_vq.ops.mean import mean
from keras_vq.ops.nearest_code import nearest_code
from keras_vq.ops.straight_through import straight_through

__all__ = [
    "code_counts",
    "code_sums",
    "mean",
    "nearest_code",
    "straight_through",
]
