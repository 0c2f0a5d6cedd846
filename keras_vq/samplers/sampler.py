from keras import ops

from keras_vq.ops.inverse_cdf import inverse_cdf


class Sampler:
    """Base of the ways to draw a code from logits.

    A subclass defines `probabilities(logits)`, what is left of the softmax.

    Args:
        temperature: float > 0, divides the logits. Defaults to 1.0.

    Call arguments:
        logits: float tensor `(batch, num_embeddings)`.
        noise: float tensor `(batch,)`, uniform in [0, 1).

    Returns:
        int32 tensor `(batch,)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    class EvenCodes(keras_vq.samplers.Sampler):
        def probabilities(self, logits):
            odd = keras.ops.arange(logits.shape[-1]) % 2
            return keras.ops.softmax(logits - 1e9 * odd)
    ```
    """

    def __init__(self, temperature=1.0):
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be > 0; 0, the most probable code, is "
                f"`GreedySampler`. Received: temperature={temperature}"
            )
        self.temperature = temperature

    def probabilities(self, logits):
        """Probabilities to draw by.

        Args:
            logits: float32 tensor `(batch, num_embeddings)`, divided by the
                temperature.

        Returns:
            float32 tensor `(batch, num_embeddings)`, not negative; need not
            sum to 1.
        """
        raise NotImplementedError

    def __call__(self, logits, noise):
        logits = ops.cast(ops.convert_to_tensor(logits), "float32")
        return inverse_cdf(self.probabilities(logits / self.temperature), noise)

    def get_config(self):
        """dict, the arguments; two samplers of one config draw alike."""
        return {"temperature": self.temperature}

    def key(self):
        """What compiled loops are told apart by."""
        return type(self), tuple(sorted(self.get_config().items()))
