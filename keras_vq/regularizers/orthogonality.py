import keras
from keras import ops

from keras_vq.ops.unit import unit
from keras_vq.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable(package="keras_vq")
class Orthogonality(Regularizer):
    """Keeps codes from pointing the same way.

    With E the codes, each divided by its length, a row each:

    ```
    orthogonality_loss = |E E' - I|^2 / K^2 = (|E' E|^2 - K) / K^2
    ```

    the second form being the sum over D^2 instead of K^2 products. Its gradient
    reaches the codebook alone, so it is for codebooks learned by gradient.

    Args:
        weight: float >= 0. Defaults to 10.0.

    Example:

    >>> loss = keras_vq.regularizers.Orthogonality(weight=1.0)
    >>> codes = np.array([[2.0, 0.0], [3.0, 0.0]], "float32")
    >>> float(loss(None, codes))
    0.5

    References:
        Shin et al., Translation-equivariant Image Quantizer for Bi-directional
        Image-Text Generation, 2021, section 3.2.
    """

    name = "orthogonality_loss"

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, z, codes, mask=None):
        directions = unit(codes)
        products = ops.matmul(ops.transpose(directions), directions)  # (D, D)
        num_embeddings = codes.shape[0]
        total = ops.sum(ops.square(products)) - num_embeddings
        return total / num_embeddings**2
