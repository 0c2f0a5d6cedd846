"""Regularizers of vector quantizers."""

from keras import ops

from keras_vq.checks import check_number
from keras_vq.ops.l2_normalize import l2_normalize
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.saving.config import serializable

__all__ = ["CodeEntropy", "Orthogonality", "Regularizer"]


@serializable
class Regularizer:
    """Base class for regularizers of a vector quantizer.

    A subclass sets `name`, the key of the unweighted loss in the quantizer's
    outputs and logs, and defines `__call__`. A quantizer created with
    `regularizers=[...]` adds `weight` times this loss to its own loss.

    Args:
        weight: float >= 0, weight of the loss.

    Raises:
        ValueError: If `weight` is out of range.
    """

    name: str
    # Whether the loss depends on the vectors, not only on the codebook.
    depends_on_vectors = False

    def __init__(self, weight):
        self.weight = check_number("weight", weight, at_least=0)

    def __call__(self, z, codes, mask=None):
        """Compute the unweighted loss.

        Args:
            z: float32 tensor `(..., D)`, the vectors to quantize.
            codes: float32 tensor `(K, D)`, the codebook.
            mask: bool tensor `(...)` of valid positions, or None.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError


@serializable
class CodeEntropy(Regularizer):
    """Encourages confident code choices and a diverse use of codes.

    ```
    p[n]         = softmax over k of -|z[n] - codes[k]|^2 / temperature
    entropy_loss = mean over n of H(p[n]) - H(mean over n of p[n])
    ```

    in nats, with the entropy H. Means are over the vectors of this replica.
    Needs memory for N x K probabilities.

    Args:
        weight: float >= 0, weight of the loss. Defaults to 0.1.
        temperature: float > 0, temperature of the softmax. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> loss = keras_vq.regularizers.CodeEntropy(weight=1.0)
    >>> codes = np.array([[9.0], [-9.0]], "float32")
    >>> round(float(loss(codes, codes)), 4)  # certain, and both are used
    -0.6931

    References:
        Yu et al., Language Model Beats Diffusion - Tokenizer is Key to Visual
        Generation, 2023, section 3.1, applied to the codes of a codebook.
    """

    name = "entropy_loss"
    depends_on_vectors = True

    def __init__(self, weight=0.1, temperature=1.0):
        super().__init__(weight)
        self.temperature = check_number("temperature", temperature, above=0)

    def __call__(self, z, codes, mask=None):
        z = ops.reshape(z, (-1, codes.shape[-1]))
        if mask is not None:
            mask = ops.reshape(mask, (-1,))
        squared = ops.sum(ops.square(codes), axis=-1)
        # |z|^2 is the same for all codes and cancels in the softmax.
        logits = 2.0 * ops.matmul(z, ops.transpose(codes)) - squared
        log_p = ops.log_softmax(logits / self.temperature, axis=-1)  # (N, K)
        p = ops.exp(log_p)
        entropies = -ops.sum(p * log_p, axis=-1)

        weights = ops.ones_like(p[:, 0])
        if mask is not None:
            weights = ops.cast(mask, "float32")
        total = ops.maximum(ops.sum(weights), 1.0)
        average = ops.sum(weights[:, None] * p, axis=0) / total
        log_average = ops.log(ops.maximum(average, 1e-30))
        return masked_mean(entropies, mask) + ops.sum(average * log_average)


@serializable
class Orthogonality(Regularizer):
    """Pushes the directions of codes towards orthogonality.

    With a matrix E whose rows are the codes scaled to length 1:

    ```
    orthogonality_loss = |E E' - I|^2 / K^2 = (|E' E|^2 - K) / K^2
    ```

    The second form sums over D^2 instead of K^2 products. The gradient only
    reaches the codebook, which must therefore be trained by gradients.

    Args:
        weight: float >= 0, weight of the loss. Defaults to 10.0.

    Raises:
        ValueError: If `weight` is out of range.

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
        directions = l2_normalize(codes)
        products = ops.matmul(ops.transpose(directions), directions)  # (D, D)
        num_embeddings = codes.shape[0]
        total = ops.sum(ops.square(products)) - num_embeddings
        return total / num_embeddings**2
