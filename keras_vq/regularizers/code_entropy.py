import keras
from keras import ops

from keras_vq.ops.mean import mean
from keras_vq.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable(package="keras_vq")
class CodeEntropy(Regularizer):
    """Makes the choice of each vector sure and that of the batch diverse.

    ```
    p[n]         = softmax over k of -|z[n] - codes[k]|^2 / temperature
    entropy_loss = mean over n of H(p[n]) - H(mean over n of p[n])
    ```

    in nats, H being the entropy. The mean is over the vectors of this replica.
    Takes memory for N x K probabilities.

    Args:
        weight: float >= 0. Defaults to 0.1.
        temperature: float > 0, of the softmax. Defaults to 1.0.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> loss = keras_vq.regularizers.CodeEntropy(weight=1.0)
    >>> codes = np.array([[9.0], [-9.0]], "float32")
    >>> round(float(loss(codes, codes)), 4)  # sure, and both are used
    -0.6931

    References:
        Yu et al., Language Model Beats Diffusion - Tokenizer is Key to Visual
        Generation, 2023, section 3.1, of the codes of a codebook here.
    """

    name = "entropy_loss"
    sees_vectors = True

    def __init__(self, weight=0.1, temperature=1.0):
        super().__init__(weight)
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be positive. Received: temperature="
                f"{temperature}"
            )
        self.temperature = temperature

    def __call__(self, z, codes, mask=None):
        z = ops.reshape(z, (-1, codes.shape[-1]))
        if mask is not None:
            mask = ops.reshape(mask, (-1,))
        squared = ops.sum(ops.square(codes), axis=-1)
        # |z|^2 is the same for all codes: the softmax does not see it.
        logits = 2.0 * ops.matmul(z, ops.transpose(codes)) - squared
        log_p = ops.log_softmax(logits / self.temperature, axis=-1)  # (N, K)
        p = ops.exp(log_p)
        entropies = -ops.sum(p * log_p, axis=-1)

        counted = ops.ones_like(p[:, 0])
        if mask is not None:
            counted = ops.cast(mask, "float32")
        total = ops.maximum(ops.sum(counted), 1.0)
        average = ops.sum(counted[:, None] * p, axis=0) / total
        log_average = ops.log(ops.maximum(average, 1e-30))
        return mean(entropies, mask) + ops.sum(average * log_average)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
