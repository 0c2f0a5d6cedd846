"""Further losses of vector quantizers, each an object with its weight."""

from keras_vq.regularizers.code_entropy import CodeEntropy
from keras_vq.regularizers.orthogonality import Orthogonality
from keras_vq.regularizers.regularizer import Regularizer

__all__ = ["CodeEntropy", "Orthogonality", "Regularizer"]
