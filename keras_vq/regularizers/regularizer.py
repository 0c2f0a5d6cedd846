class Regularizer:
    """Base of the regularizers that a vector quantizer takes.

    A subclass sets `name`, under which the unweighted loss is returned and
    logged, and defines `__call__`; `regularizers=[...]` of the quantizer adds
    `weight` times it to the loss.

    Args:
        weight: float >= 0, what the loss is multiplied by.

    Raises:
        ValueError: If `weight` is negative.
    """

    name: str
    # Whether it says something about vectors, not about the codebook alone.
    sees_vectors = False

    def __init__(self, weight):
        if not weight >= 0:
            raise ValueError(
                f"`weight` must not be negative. Received: weight={weight}"
            )
        self.weight = weight

    def __call__(self, z, codes, mask=None):
        """The loss, unweighted.

        Args:
            z: float32 tensor `(..., D)`, the vectors to be quantized.
            codes: float32 tensor `(K, D)`, the codebook.
            mask: bool tensor `(...)` of valid positions, or None.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError

    def get_config(self):
        """dict, the arguments."""
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        """The regularizer of a `get_config`."""
        return cls(**config)
